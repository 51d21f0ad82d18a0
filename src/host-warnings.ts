import { HostPolicies } from './host-policies';
import { RouteRule } from './traffic/route-rule';

/** What is known of a host when its app is synthesized. */
export interface HostFacts {
  readonly hostName: string;
  /** The ports that the app knows; empty: unknown. */
  readonly ports: number[];
  /** The rules of the host, the default last. */
  readonly rules: RouteRule[];
  readonly policies: HostPolicies;
  /** The versions that policies can be for, those of lanes left out. */
  readonly versions: string[];
  /** The versions that some rule of the app routes to. */
  readonly routed: Set<string | undefined>;
}

/** What works, but probably not as meant. */
export interface HostWarning {
  readonly code: string;
  readonly message: string;
}

/** What is said of a host, and valid, and probably not what was meant. */
export function hostWarnings(facts: HostFacts): HostWarning[] {
  return [...idlePolicies(facts), ...hashes(facts), ...faults(facts), ...ports(facts), ...weights(facts)];
}

/** Istio uses a subset's policy where a route names the subset. */
function idlePolicies({ hostName, policies, versions, routed }: HostFacts): HostWarning[] {
  return policies.versions.filter((version) => versions.includes(version) && !routed.has(version)).map((version) => ({
    code: 'VersionPolicyInactive',
    message: `'version' ${version} of ${hostName} has a policy, but no rule routes to it, so the policy does nothing; route to it, or leave the policy out`,
  }));
}

function hashes({ hostName, policies, rules }: HostFacts): HostWarning[] {
  const versionsOf = (rule: RouteRule) => new Set(rule.destinations.filter(({ weight }) => weight > 0).map(({ version }) => version));
  if (!policies.hashes || !rules.some((rule) => versionsOf(rule).size > 1)) return [];
  return [{
    code: 'HashBesideSplit',
    message: `'loadBalancer' hashes, but a rule splits ${hostName} between versions: the version is drawn anew for each request, and only then the hash decides; `
      + 'splitSticky keeps a user with a version',
  }];
}

/** Faults are made before the router, which is what waits and tries again. */
function faults({ hostName, policies }: HostFacts): HostWarning[] {
  const made = policies.faults.map(({ fault }) => fault._toManifest());
  const tries = policies.retries?._toManifest().attempts > 0 && made.some(({ abort }) => abort);
  const waits = policies.timeout !== undefined && made.some(({ delay }) => delay);
  return [
    ...(tries ? [{
      code: 'FaultNotRetried',
      message: `'retries' of ${hostName} do not help against its injected abort, which Envoy makes before it tries: let the service itself fail to see retries work`,
    }] : []),
    ...(waits ? [{
      code: 'FaultOutsideTimeout',
      message: `'timeout' of ${hostName} does not count its injected delay, which Envoy makes before it starts the clock: let the service itself be slow to see the timeout work`,
    }] : []),
  ];
}

function ports({ hostName, ports: known, rules }: HostFacts): HostWarning[] {
  const asked = (rule: RouteRule) => rule.matches.map(({ _port }) => _port);
  const strange = (port: number | undefined) => port !== undefined && !known.includes(port);
  const idle = known.length === 0 ? [] : rules.filter((rule) => asked(rule).length > 0 && asked(rule).every(strange));
  const vague = rules.flatMap(({ destinations }) => destinations).filter((each) => each.hostName !== hostName && each._port === undefined);
  return [
    ...idle.map((rule) => ({
      code: 'RulePortUnknown',
      message: `a rule of ${hostName} is for port ${asked(rule).join(' or ')} alone, but the ports that the app knows are ${known.join(', ')}: no request meets it; name one of these`,
    })),
    ...vague.map((each) => ({
      code: 'DestinationPortUnknown',
      message: `a rule of ${hostName} routes to ${each.hostName}, whose port the app does not know: Istio takes the port of the request, and answers 503 where that host has no such port; `
        + 'say it: MeshHost({ port }), or Destination.of(host, { port })',
    })),
  ];
}

/** Weights are relative, but numbers near a hundred are meant as percentages. */
function weights({ hostName, rules }: HostFacts): HostWarning[] {
  return rules.flatMap(({ destinations }) => {
    const live = destinations.filter(({ weight }) => weight > 0);
    const sum = live.reduce((all, { weight }) => all + weight, 0);
    if (live.length < 2 || sum === 100 || sum < 50 || sum > 150) return [];
    const shares = live.map(({ weight }) => `${weight} gets ${Math.round(weight / sum * 1000) / 10} %`);
    return [{ code: 'WeightsNotPercent', message: `'weight' is relative: those of a rule of ${hostName} add up to ${sum}, not to 100, so ${shares.join(', ')}` }];
  });
}
