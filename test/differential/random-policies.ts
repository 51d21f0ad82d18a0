import { Chance } from './chance';
import { age, NAMESPACES, type RandomService, ROOT } from './random-services';
import { authorizationPolicy, type Manifest, peerAuthentication, type Spec } from '../mesh/claims/support';

const ACCOUNTS = ['default', 'caller'];

/** Policies of workloads, namespaces, the whole mesh and gateways, which let in or keep out by caller and by request. */
export function randomPolicies(chance: Chance, services: readonly RandomService[]): Manifest[] {
  return chance.list(1, 3, (index) => {
    const target = chance.pick(services);
    const home = chance.happens(0.8) ? target.namespace : chance.pick([...NAMESPACES, ROOT]);
    return authorizationPolicy(`${home}/policy-${index}`, {
      ...chance.maybe(0.75, 'selector', () => ({ matchLabels: chance.pick<Spec>([{ app: target.name }, { app: target.name, version: 'v1' }, { istio: 'ingressgateway' }]) })),
      action: chance.pick(['ALLOW', 'ALLOW', 'DENY', 'AUDIT']),
      ...chance.happens(0.1) ? {} : { rules: chance.list(1, 2, () => randomRule(chance)) },
    });
  }).map((policy) => policy.spec!.action === 'ALLOW' || 'rules' in policy.spec! ? policy : { ...policy, spec: { ...policy.spec, rules: [{}] } });
}

/** What pods demand of those who connect to them, by workload, namespace and mesh, and port by port. */
export function randomDemands(chance: Chance, services: readonly RandomService[]): Manifest[] {
  if (!chance.happens(0.4)) { return []; }
  return chance.list(1, 3, (index) => {
    const target = chance.pick(services);
    const home = chance.happens(0.8) ? target.namespace : chance.pick([...NAMESPACES, ROOT]);
    const mode = () => ({ mode: chance.pick(['STRICT', 'STRICT', 'PERMISSIVE', 'DISABLE', 'UNSET']) });
    const selecting = chance.happens(0.5);
    return peerAuthentication(`${home}/demand-${index}`, {
      ...selecting ? { selector: { matchLabels: chance.pick<Spec>([{ app: target.name }, { app: target.name, version: 'v1' }]) } } : {},
      ...chance.maybe(0.85, 'mtls', mode),
      ...selecting ? chance.maybe(0.3, 'portLevelMtls', () => ({ [chance.pick([81, 8081])]: mode() })) : {},
    }, age(chance));
  });
}

function randomRule(chance: Chance): Spec {
  return {
    ...chance.maybe(0.5, 'from', () => chance.list(1, 2, () => ({ source: source(chance) }))),
    ...chance.maybe(0.6, 'to', () => chance.list(1, 2, () => ({ operation: operation(chance) }))),
    ...chance.maybe(0.25, 'when', () => [condition(chance)]),
  };
}

function source(chance: Chance): Spec {
  return chance.pick<Spec>([
    { namespaces: chance.some([...NAMESPACES, ROOT], 1, 2) }, { notNamespaces: [chance.pick(NAMESPACES)] }, { namespaces: ['*'] }, { namespaces: ['p*'] },
    { principals: [`cluster.local/ns/${chance.pick(NAMESPACES)}/sa/${chance.pick(ACCOUNTS)}`] }, { principals: ['*'] }, { principals: ['*/sa/caller'] },
    { notPrincipals: ['cluster.local/ns/shop/*'] }, { principals: ['*'], notNamespaces: ['pay'] },
  ]);
}

function operation(chance: Chance): Spec {
  const said = {
    ...chance.maybe(0.7, chance.pick(['paths', 'paths', 'notPaths']), () => chance.pick([['/a'], ['/a*'], ['*/b'], ['/', '/cart'], ['/api/*'], ['*'], ['/A']])),
    ...chance.maybe(0.3, chance.pick(['methods', 'notMethods']), () => chance.pick([['GET'], ['POST', 'PUT'], ['*']])),
    ...chance.maybe(0.2, chance.pick(['hosts', 'notHosts']), () => chance.pick([['cart*'], ['*.example.com'], ['shop.example.com'], ['*.LOCAL'], ['*']])),
    ...chance.maybe(0.15, chance.pick(['ports', 'notPorts']), () => chance.pick([['81'], ['80'], ['8081', '9001'], ['8080']])),
  };
  return Object.keys(said).length > 0 ? said : { methods: ['GET'] };
}

function condition(chance: Chance): Spec {
  const values = chance.maybe(1, chance.pick(['values', 'values', 'notValues']), () => chance.pick([['alice'], ['al*'], ['*'], ['*e', '1']]));
  return chance.pick<Spec>([
    { key: 'request.headers[x-user]', ...values }, { key: 'request.headers[X-Group]', ...values },
    { key: 'source.namespace', ...chance.maybe(1, chance.pick(['values', 'notValues']), () => ['pay', 's*']) },
    { key: 'source.principal', values: ['cluster.local/ns/pay/sa/default'] }, { key: 'destination.port', values: [chance.pick(['81', '80', '8081'])] },
  ]);
}
