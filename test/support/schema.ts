import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import Ajv, { ErrorObject, ValidateFunction } from 'ajv';
import { parseAllDocuments } from 'yaml';

/**
 * Judges emitted manifests as an API server with strict field validation would, as far as schemas go. An empty list says
 * that all are valid; each problem names the object (kind/namespace/name), the place, what is there and what is allowed.
 *
 * - Istio kinds: the CRDs in imports/istio-crds.yaml, closed to unknown fields, with the one family of CEL rules that
 *   they use nearly everywhere, `duration(self) >= duration('…')`.
 * - Kubernetes kinds, and the metadata of every kind: the validators that the npm package kubernetes-models has compiled
 *   from the OpenAPI schemas of Kubernetes 1.33 (enums included), closed to unknown fields. Stable API versions only: the
 *   package still carries beta versions that no supported cluster serves.
 * - Any other kind is a problem, and so are a bad name, a bad label and an object that is there twice.
 *
 * Not evaluated are the other CEL rules of the CRDs:
 *
 * - selectors: no `*` in a key or a value, no empty key
 * - targetRefs: no namespace; at most one of selector, targetRef and targetRefs (EnvoyFilter: workloadSelector, targetRefs)
 * - EnvoyFilter: match.waypoint if and only if the context is WAYPOINT; a port in 1-65535
 * - Gateway tls: at most one of credentialName, credentialNames and tlsCertificates
 * - ServiceEntry: no host `*`; port numbers are distinct and in 1-65535; endpoint port names; an endpoint has an address or a
 *   network; the `unix://` addresses; workloadSelector or endpoints; CIDR addresses only with resolution NONE or STATIC;
 *   no endpoints with NONE, one at most with DNS_ROUND_ROBIN
 * - AuthorizationPolicy: serviceAccounts not together with principals or namespaces
 * - PeerAuthentication: portLevelMtls needs a selector and ports in 1-65535
 * - RequestAuthentication: at most one of jwks, jwksUri and jwks_uri; an http(s) URL
 *
 * Nor is what an API server or istiod checks in code: cron syntax, a selector that matches the pod template's labels, route
 * weights that add up, references between objects, fields that exclude each other.
 *
 * Two Kubernetes kinds are judged too strictly, because kubernetes-models has lost some of their fields on the way (`description`
 * and `x-kubernetes-*`): CustomResourceDefinition and PriorityClass.
 */
export function schemaProblems(manifests: any[]): string[] {
  const problems = manifests.flatMap((manifest) =>
    findings(manifest).map((finding) => `${nameOf(manifest)}: ${sentence(finding)}`));
  return [...new Set([...problems, ...duplicates(manifests)])];
}

/** One thing that is wrong at one place of a manifest. */
interface Finding {
  /** The fields and indexes on the way from the top of the manifest. */
  readonly at: string[];
  /** What is there, in words. */
  readonly is: string;
  readonly allowed: string;
}

function findings(manifest: any): Finding[] {
  if (!isObject(manifest)) return [{ at: [], is: shown(manifest), allowed: 'an object' }];
  return [
    ...kindFindings(manifest),
    ...nameFindings(manifest),
    ...labelFindings(manifest),
  ];
}

function kindFindings(manifest: any): Finding[] {
  const { apiVersion, kind } = manifest;
  const unknownKind = (allowed: string): Finding[] => [{ at: ['kind'], is: `an unknown kind (${apiVersion} ${kind})`, allowed }];

  if (istioGroups().has(groupOf(apiVersion))) {
    const validator = istioValidator(apiVersion, kind);
    return validator
      ? [...istioFindings(validator, manifest), ...metadataFindings(manifest)]
      : unknownKind(`of Istio only what imports/istio-crds.yaml has: ${[...istioSchemas().keys()].join(', ')}`);
  }
  const model = kubernetesModel(apiVersion, kind);
  return model ? kubernetesFindings(model, manifest) : unknownKind('kinds of Istio and of the stable Kubernetes APIs');
}

// ---------------------------------------------------------------------------------------------------------------------
// Istio: the CRDs

const CRD_FILE = join(__dirname, '..', '..', 'imports', 'istio-crds.yaml');

let schemas: Map<string, any> | undefined;
const validators = new Map<string, ValidateFunction>();

/** `apiVersion kind` → the schema that its CRD gives. */
function istioSchemas(): Map<string, any> {
  schemas ??= new Map(parseAllDocuments(readFileSync(CRD_FILE, 'utf8')).flatMap((document) => {
    const { spec } = document.toJS();
    return spec.versions.map((version: any) => [`${spec.group}/${version.name} ${spec.names.kind}`, version.schema.openAPIV3Schema]);
  }));
  return schemas;
}

function istioGroups(): Set<string> {
  return new Set([...istioSchemas().keys()].map(groupOf));
}

function istioValidator(apiVersion: string, kind: string): ValidateFunction | undefined {
  const key = `${apiVersion} ${kind}`;
  const schema = istioSchemas().get(key);
  if (schema && !validators.has(key)) validators.set(key, ajv.compile(closedTop(schema)));
  return validators.get(key);
}

/** An API server adds the fields that every object has to what a CRD says. Metadata is judged by `metadataFindings`. */
function closedTop(schema: any): any {
  const { properties, ...rest } = closed(schema);
  return { ...rest, properties: { apiVersion: {}, kind: {}, metadata: { type: 'object' }, ...properties } };
}

/**
 * A copy of a structural schema that rejects the fields it does not name. Only `properties`, `items` and
 * `additionalProperties` lead to schemas of values; the branches of oneOf, anyOf, allOf and not merely constrain the value
 * that has been described already, and closing those would reject its other fields.
 */
function closed(schema: any): any {
  // A flag, as in `additionalProperties: true`.
  if (!isObject(schema)) return schema;
  const copy = { ...schema };
  if (schema.properties) {
    copy.properties = Object.fromEntries(Object.entries(schema.properties).map(([field, of]) => [field, closed(of)]));
    copy.additionalProperties = schema['x-kubernetes-preserve-unknown-fields'] === true;
  }
  if (schema.items) copy.items = closed(schema.items);
  if (schema.additionalProperties !== undefined) copy.additionalProperties = closed(schema.additionalProperties);
  return copy;
}

// Not strict, because CRDs have keywords of their own; verbose, because findings tell what the schema allows.
const ajv = new Ajv({
  strict: false,
  allErrors: true,
  verbose: true,
  formats: {
    'int32': { type: 'number', validate: (value: number) => value >= -(2 ** 31) && value < 2 ** 31 },
    'double': true,
    'byte': /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/,
    'date-time': true, // only status has those, and nobody emits a status
  },
});

ajv.addKeyword({
  keyword: 'x-kubernetes-validations',
  type: 'string',
  schemaType: 'array',
  compile: (rules: any[]) => {
    const minimums = rules.map((rule) => minimumDuration(rule.rule)).filter((minimum) => minimum !== undefined);
    return (value: string) => minimums.every((minimum) => (goDuration(value) ?? -Infinity) >= goDuration(minimum)!);
  },
});

/** The `1ms` of `duration(self) >= duration('1ms')`; nothing for a CEL rule that is not about durations. */
function minimumDuration(rule: string): string | undefined {
  const match = /^duration\(self\) >= duration\('([^']+)'\)$/.exec(rule.trim());
  // A rule of a new form after an upgrade of Istio must not go unnoticed.
  if (!match && rule.includes('duration(')) throw new Error(`cannot evaluate the CEL rule ${rule}`);
  return match?.[1];
}

// Both micro signs, as in Go.
const NANOSECONDS: Record<string, number> = { ns: 1, us: 1e3, µs: 1e3, μs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };
const DURATION = /^[+-]?(?:0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/;
const DURATION_PART = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g;

/** What Go's time.ParseDuration makes of a text, in nanoseconds; CEL's `duration()` is that function. */
function goDuration(text: string): number | undefined {
  if (!DURATION.test(text)) return undefined;
  const size = [...text.matchAll(DURATION_PART)].reduce((sum, [, number, unit]) => sum + Number(number) * NANOSECONDS[unit], 0);
  // Go counts in an int64.
  if (size >= 2 ** 63) return undefined;
  return text.startsWith('-') ? -size : size;
}

function istioFindings(validator: ValidateFunction, manifest: any): Finding[] {
  return validator(manifest) ? [] : errorFindings(validator.errors ?? [], manifest);
}

// ---------------------------------------------------------------------------------------------------------------------
// Kubernetes: the validators of kubernetes-models

interface Model {
  readonly prototype: { validate(): void };
}

// The package has one file per kind; its index would load all 854 of them.
const load = createRequire(__filename);
const MODELS = dirname(load.resolve('kubernetes-models'));

function kubernetesModel(apiVersion: unknown, kind: unknown): Model | undefined {
  if (!/^([a-z][a-z0-9.-]*\/)?v\d+$/.test(String(apiVersion)) || !/^\w+$/.test(String(kind))) return undefined;
  const file = join(MODELS, String(apiVersion), `${kind}.js`);
  const model = existsSync(file) ? load(file)[String(kind)] : undefined;
  // The parts of kinds (PodSpec) lie in the same folders; only a kind says which one it is.
  return model?.apiVersion === apiVersion && model?.kind === kind ? model : undefined;
}

function kubernetesFindings(model: Model, manifest: any): Finding[] {
  const watched: WatchedObject[] = [];
  const errors = modelErrors(model, watch(manifest, [], watched));
  return [...errorFindings(errors, manifest), ...watched.flatMap(neverAskedFor)];
}

/** The package checks the data that a model was constructed with, and constructing copies them: so without an instance. */
function modelErrors(model: Model, data: any): ErrorObject[] {
  try {
    model.prototype.validate.call(data);
    return [];
  } catch (error: any) {
    if (!Array.isArray(error.errors)) throw error;
    return error.errors;
  }
}

/** An API server treats the metadata of a custom resource as it does that of a ConfigMap. */
function metadataFindings(manifest: any): Finding[] {
  const model = kubernetesModel('v1', 'ConfigMap')!;
  return kubernetesFindings(model, { apiVersion: 'v1', kind: 'ConfigMap', metadata: manifest.metadata });
}

/** What a validator did with one object. */
interface WatchedObject {
  readonly at: string[];
  readonly value: Record<string, unknown>;
  /** The fields that it asked for, there or not. */
  readonly asked: Set<string>;
}

/**
 * A stand-in for a value that takes down what is asked of it. The validators of kubernetes-models are compiled code, without
 * a schema at run time that could be closed, and ignore unknown fields. But they ask every object for each field that its
 * schema names, and maps for each of their own keys, so a field that was not asked for is unknown.
 */
function watch(value: any, at: string[], watched: WatchedObject[]): any {
  if (Array.isArray(value)) return value.map((item, index) => watch(item, [...at, String(index)], watched));
  if (!isObject(value)) return value;
  const record: WatchedObject = { at, value, asked: new Set() };
  watched.push(record);
  // A proxy of the value itself could not give stand-ins for the fields of a frozen object.
  const copy = Object.fromEntries(Object.entries(value).map(([field, of]) => [field, watch(of, [...at, field], watched)]));
  return new Proxy(copy, {
    get: (target, field) => {
      if (typeof field === 'string') record.asked.add(field);
      return Reflect.get(target, field);
    },
  });
}

function neverAskedFor({ at, value, asked }: WatchedObject): Finding[] {
  // Nothing at all is asked of a free-form object, nor of one that lies in an unknown field, which is a finding by itself.
  if (asked.size === 0) return [];
  return Object.keys(value)
    .filter((field) => !asked.has(field))
    .map((field) => ({ at: [...at, field], is: unknownField(value[field]), allowed: knownFields([...asked]) }));
}

// ---------------------------------------------------------------------------------------------------------------------
// What a validator's errors say

function errorFindings(errors: ErrorObject[], manifest: any): Finding[] {
  const choices = errors.filter((error) => error.keyword === 'oneOf' || error.keyword === 'anyOf');
  return errors
    // Why each branch did not match is part of what its choice allows.
    .filter((error) => !choices.some((choice) => isBranch(error, choice)))
    .map((error) => {
      const at = placeOf(error);
      const value = valueAt(manifest, at);
      return {
        at,
        is: error.keyword === 'additionalProperties' ? unknownField(value) : shown(value),
        allowed: allowedBy(error, errors.filter((other) => isBranch(other, error))),
      };
    });
}

function isBranch(error: ErrorObject, choice: ErrorObject): boolean {
  if (error === choice) return false;
  if (error.schemaPath.startsWith(`${choice.schemaPath}/`)) return true;
  // In kubernetes-models each type is a function with schema paths of its own, and only the types of scalars (a quantity, an
  // integer or string) are choices: whatever else is wrong at the same place comes from a branch.
  return choice.schemaPath === '#/oneOf' && error.instancePath === choice.instancePath;
}

/** ajv reports a missing or an unknown field at the object around it. */
function placeOf(error: ErrorObject): string[] {
  const at = error.instancePath.split('/').slice(1).map((part) => part.replace(/~1/g, '/').replace(/~0/g, '~'));
  const field = error.params.missingProperty ?? error.params.additionalProperty;
  return field === undefined ? at : [...at, field];
}

function valueAt(manifest: any, at: string[]): unknown {
  return at.reduce((value, field) => value?.[field], manifest);
}

function allowedBy(error: ErrorObject, branches: ErrorObject[]): string {
  switch (error.keyword) {
    case 'type': return String(error.params.type);
    case 'enum': return error.params.allowedValues.map((value: unknown) => JSON.stringify(value)).join(', ');
    case 'required': return 'a value, as the field is required';
    case 'additionalProperties': return knownFields(Object.keys(error.parentSchema?.properties ?? {}));
    case 'minimum':
    case 'maximum': return `${error.params.comparison} ${error.params.limit}`;
    case 'format': return `format ${error.params.format}`;
    case 'pattern': return `pattern ${error.params.pattern}`;
    case 'x-kubernetes-validations': return durationsAllowed(error).join(' and ');
    case 'oneOf':
    case 'anyOf': return alternatives(error) ?? (branches.map((branch) => allowedBy(branch, [])).join(' or ') || String(error.message));
    default: return String(error.message);
  }
}

function durationsAllowed(error: ErrorObject): string[] {
  return (error.schema as any[]).map((rule) => `a duration such as 1h2m3s4ms, >= ${minimumDuration(rule.rule)}`);
}

/** Istio's oneofs are choices between required fields, where `not` stands for none of them. */
function alternatives(error: ErrorObject): string | undefined {
  if (!Array.isArray(error.schema)) return undefined;
  const fields = error.schema.flatMap((branch) => branch.required ?? []);
  if (fields.length === 0) return undefined;
  return `${error.schema.some((branch) => branch.not) ? 'at most' : 'exactly'} one of the fields ${fields.join(', ')}`;
}

function unknownField(value: unknown): string {
  return `an unknown field (${shown(value)})`;
}

function knownFields(fields: string[]): string {
  return `only ${fields.sort().join(', ')}`;
}

// ---------------------------------------------------------------------------------------------------------------------
// Names and labels, which no schema describes

interface NameRule {
  readonly pattern: RegExp;
  readonly maxLength: number;
  readonly allowed: string;
}

const DNS_1123_SUBDOMAIN: NameRule = {
  pattern: /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
  maxLength: 253,
  allowed: 'a DNS-1123 subdomain',
};
const DNS_1123_LABEL: NameRule = { pattern: /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, maxLength: 63, allowed: 'a DNS-1123 label' };
const DNS_1035_LABEL: NameRule = { pattern: /^[a-z]([-a-z0-9]*[a-z0-9])?$/, maxLength: 63, allowed: 'a DNS-1035 label' };
const LABEL_NAME: NameRule = {
  pattern: /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/,
  maxLength: 63,
  allowed: 'letters, digits, -, _ and ., a letter or digit at both ends',
};

/** The kinds whose names are bound more tightly than to a subdomain. */
const NAME_RULES: Record<string, NameRule> = {
  'v1 Service': DNS_1035_LABEL,
  'v1 Namespace': DNS_1123_LABEL,
  // The controller appends 11 characters to make the names of Jobs.
  'batch/v1 CronJob': { ...DNS_1123_SUBDOMAIN, maxLength: 52 },
};

function nameFindings({ apiVersion, kind, metadata }: any): Finding[] {
  const rule = NAME_RULES[`${apiVersion} ${kind}`] ?? DNS_1123_SUBDOMAIN;
  return [
    ...ruleFindings(rule, metadata?.name, ['metadata', 'name']),
    ...metadata?.namespace === undefined ? [] : ruleFindings(DNS_1123_LABEL, metadata.namespace, ['metadata', 'namespace']),
  ];
}

function ruleFindings(rule: NameRule, value: unknown, at: string[]): Finding[] {
  return follows(rule, value) ? [] : [{ at, is: shown(value), allowed: allowedByRule(rule) }];
}

function follows(rule: NameRule, value: unknown): boolean {
  return typeof value === 'string' && value.length <= rule.maxLength && rule.pattern.test(value);
}

function allowedByRule(rule: NameRule): string {
  return `${rule.allowed}, at most ${rule.maxLength} characters`;
}

/** The fields that hold labels wherever they are; a `selector` holds labels or has them further down, in `matchLabels`. */
const LABEL_FIELDS = new Set(['labels', 'matchLabels', 'nodeSelector', 'selector', 'sourceLabels']);

function labelFindings(value: unknown, at: string[] = []): Finding[] {
  if (!isObject(value) && !Array.isArray(value)) return [];
  return Object.entries(value).flatMap(([field, child]) => {
    const here = [...at, field];
    // What an EnvoyFilter patches in is Envoy's configuration, and its fields have other meanings.
    if (field === 'patch') return [];
    if (LABEL_FIELDS.has(field) && isFlat(child)) {
      return Object.entries(child).flatMap(([key, text]) => [...labelKeyFindings(key, [...here, key]), ...labelValueFindings(text, [...here, key])]);
    }
    // The key of an annotation is made like that of a label, but any value will do.
    if (field === 'annotations' && isFlat(child)) return Object.keys(child).flatMap((key) => labelKeyFindings(key, [...here, key]));
    return labelFindings(child, here);
  });
}

function labelKeyFindings(key: string, at: string[]): Finding[] {
  const slash = key.indexOf('/');
  const prefixed = slash < 0 || follows(DNS_1123_SUBDOMAIN, key.slice(0, slash));
  if (prefixed && follows(LABEL_NAME, key.slice(slash + 1))) return [];
  return [{ at, is: 'under a bad key', allowed: `a key: ${allowedByRule(LABEL_NAME)}, after an optional prefix (${allowedByRule(DNS_1123_SUBDOMAIN)}) and /` }];
}

function labelValueFindings(value: unknown, at: string[]): Finding[] {
  // What is not even a string has been found by the schema.
  if (typeof value !== 'string' || value === '' || follows(LABEL_NAME, value)) return [];
  return [{ at, is: shown(value), allowed: `nothing, or ${allowedByRule(LABEL_NAME)}` }];
}

// ---------------------------------------------------------------------------------------------------------------------
// The list as a whole, and words

function duplicates(manifests: any[]): string[] {
  const identities = manifests.filter(isObject).map(identityOf);
  const repeated = manifests.filter(isObject).filter((_, index) => identities.indexOf(identities[index]) < index);
  return repeated.map((manifest) => `${nameOf(manifest)}: $ is there more than once, allowed: one object of this kind, namespace and name`);
}

/** The version is no part of it: an object has one identity in all versions of its API. */
function identityOf({ apiVersion, kind, metadata }: any): string {
  return JSON.stringify([groupOf(apiVersion), kind, metadata?.namespace, metadata?.name]);
}

function groupOf(apiVersion: unknown): string {
  return String(apiVersion).includes('/') ? String(apiVersion).split('/')[0] : '';
}

function nameOf(manifest: any): string {
  return [manifest?.kind, manifest?.metadata?.namespace, manifest?.metadata?.name].map((part) => part ?? '-').join('/');
}

function sentence({ at, is, allowed }: Finding): string {
  return `${jsonPath(at)} is ${is}, allowed: ${allowed}`;
}

function jsonPath(at: string[]): string {
  return `$${at.map((part) => {
    if (/^\d+$/.test(part)) return `[${part}]`;
    return /^[A-Za-z_]\w*$/.test(part) ? `.${part}` : `[${JSON.stringify(part)}]`;
  }).join('')}`;
}

function shown(value: unknown): string {
  if (value === undefined) return 'missing';
  // JSON has no word for some numbers (NaN) and for functions.
  const text = typeof value === 'number' ? String(value) : JSON.stringify(value) ?? String(value);
  return text.length <= 120 ? text : `${text.slice(0, 117)}...`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A map whose values are scalars. */
function isFlat(value: unknown): value is Record<string, unknown> {
  return isObject(value) && Object.values(value).every((child) => typeof child !== 'object' || child === null);
}
