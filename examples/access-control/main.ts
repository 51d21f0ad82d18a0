import { App, Chart } from 'cdk8s';
import { AccessPolicy, AccessRule, Caller, CanaryService, Lane, MeshNamespace, MtlsPolicy, Scope, StainedRoute, Workloads } from 'cdk8s-lanes';

const REGISTRY = 'registry.example.com/tutorial';

/** customer and admin → preference → recommendation; each runs as an account of its own, by which policies tell them apart. */
export interface Shop {
  readonly chart: Chart;
  readonly customer: CanaryService;
  readonly admin: CanaryService;
  readonly preference: CanaryService;
  readonly recommendation: CanaryService;
  readonly lane: Lane;
}

function shop(app: App, name: string): Shop {
  const chart = new Chart(app, name, { namespace: name });
  new MeshNamespace(chart, 'namespace');
  // Whoever has no sidecar has no name, and is refused here altogether.
  new MtlsPolicy(chart, 'mtls', { on: Workloads.inNamespace(name), name: 'default' });
  const [customer, admin, preference, recommendation] = ['customer', 'admin', 'preference', 'recommendation'].map((id) => new CanaryService(chart, id, {
    port: 8080,
    ownServiceAccount: true,
    template: { hardened: true },
    baseline: { version: 'v1', image: `${REGISTRY}/${id}:v1` },
  }));
  preference.calls(recommendation);
  const lane = new StainedRoute(chart, 'lanes').addLane('release-v1');
  lane.serve(preference, { image: `${REGISTRY}/preference:release-v1` });
  return { chart, customer, admin, preference, recommendation, lane };
}

/** admin alone may call preference. */
export function allowList(app: App): Chart {
  const { chart, admin, preference } = shop(app, 'allow-list');
  new AccessPolicy(chart, 'callers', { on: preference, allow: [AccessRule.from(Caller.service(admin))] });
  return chart;
}

/** customer may not call preference, everybody else may. */
export function denyList(app: App): Chart {
  const { chart, customer, preference } = shop(app, 'deny-list');
  new AccessPolicy(chart, 'callers', { on: preference, deny: [AccessRule.from(Caller.service(customer))] });
  return chart;
}

/** Everybody may read preference, admin may write, nobody but the namespace `monitoring` sees /metrics, and none of the lane's requests writes. */
export function fineGrained(app: App): Chart {
  const { chart, admin, preference, lane } = shop(app, 'fine-grained');
  new AccessPolicy(chart, 'callers', {
    on: preference,
    allow: [AccessRule.of({ methods: ['GET'] }), AccessRule.of({ from: [Caller.service(admin)], methods: ['POST'] })],
    deny: [
      AccessRule.of({ notFrom: [Caller.namespace('monitoring')], paths: ['/metrics', '/metrics/*'] }),
      AccessRule.of({ lanes: [lane], methods: ['POST'] }),
    ],
  });
  return chart;
}

/** The lane's pods of preference may be called by customer alone; the baseline's by all. */
export function oneVersion(app: App): Chart {
  const { chart, customer, preference } = shop(app, 'one-version');
  new AccessPolicy(chart, 'lane-callers', {
    on: Workloads.withLabels('one-version', { app: preference.name, version: 'release-v1' }),
    allow: [AccessRule.from(Caller.service(customer))],
  });
  return chart;
}

/** preference's proxies know recommendation and nothing else, and recommendation's rules are seen by this namespace alone. */
export function scoped(app: App): Chart {
  const { chart, preference, recommendation } = shop(app, 'scoped');
  new Scope(chart, 'scope', { on: [preference, recommendation], registryOnly: true, exportTo: true });
  return chart;
}

/** All cases side by side. */
export function accessControl(): App[] {
  return [allowList, denyList, fineGrained, oneVersion, scoped].map((build) => {
    const app = new App();
    build(app);
    return app;
  });
}

if (require.main === module) accessControl().forEach((app) => app.synth());
