import { Manifest } from './cluster';
import { demand } from '../errors';
import { cronProblem } from '../pipeline/cron';
import { dnsLabelProblem } from '../traffic/predicates';

/** Options of `sweepManifests`. */
export interface SweepManifestOptions {
  /** An image with Node, kubectl and cdk8s-lanes. */
  readonly image: string;
  /** Where the CronJob runs. */
  readonly namespace: string;
  /** The namespaces that are swept; all of them if there is none. */
  readonly namespaces: string[];
  /** In cron's format. */
  readonly schedule: string;
  /** Whose lanes. @default - everybody's */
  readonly source?: string;
}

const NAME = 'cdk8s-lanes-sweep';

/** All that sweeping does. What lanes have beside these kinds needs a rule more. */
const RULES = [
  { apiGroups: ['networking.istio.io'], resources: ['virtualservices'], verbs: ['get', 'list', 'create', 'update', 'delete'] },
  { apiGroups: ['networking.istio.io'], resources: ['destinationrules', 'serviceentries'], verbs: ['get', 'list', 'delete'] },
  { apiGroups: ['apps'], resources: ['deployments'], verbs: ['get', 'list', 'update', 'delete'] },
];

/** What Kubernetes takes beside the five fields. */
const CRON_WORD = /^@(?:yearly|annually|monthly|weekly|daily|midnight|hourly)$/;
/** A registry with its port, a path in lower case, a tag, a digest. */
const IMAGE = /^(?:[A-Za-z0-9.-]+(?::\d+)?\/)?[a-z0-9]+(?:(?:[._/]|__|-+)[a-z0-9]+)*(?::\w[\w.-]{0,127})?(?:@[A-Za-z0-9+._-]+:[0-9a-fA-F]{32,})?$/;

function demandSweepable({ image, namespace, namespaces, schedule }: SweepManifestOptions): void {
  demand('--image', image, IMAGE.test(image) ? undefined : "must be an image as containers name it, such as 'registry.example.com/lanes:1'", { code: 'SweepImage' });
  for (const each of namespaces) demand('--namespace', each, dnsLabelProblem(each), { code: 'Namespace' });
  demand('--cronjob-namespace', namespace, dnsLabelProblem(namespace), { code: 'Namespace' });
  demand('--schedule', schedule, CRON_WORD.test(schedule) ? undefined : cronProblem(schedule), { code: 'SweepSchedule' });
}

/** A CronJob that sweeps, its ServiceAccount, and no more rights than it needs: in the namespaces named, or in all. */
export function sweepManifests(options: SweepManifestOptions): Manifest[] {
  demandSweepable(options);
  const { image, namespace, namespaces, schedule, source } = options;
  const metadata = { name: NAME, namespace };
  const subjects = [{ kind: 'ServiceAccount', name: NAME, namespace }];
  const role = (kind: string, where: object) => ({ apiVersion: 'rbac.authorization.k8s.io/v1', kind, metadata: { name: NAME, ...where }, rules: RULES });
  const binding = (kind: string, where: object) => ({
    apiVersion: 'rbac.authorization.k8s.io/v1', kind: `${kind}Binding`, metadata: { name: NAME, ...where }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name: NAME }, subjects,
  });
  const rights = namespaces.length === 0
    ? [role('ClusterRole', {}), binding('ClusterRole', {})]
    : namespaces.flatMap((each) => [role('Role', { namespace: each }), binding('Role', { namespace: each })]);
  const args = ['sweep', '--yes', ...(source === undefined ? ['--all'] : ['--source', source]), ...namespaces.flatMap((each) => ['--namespace', each])];
  const container = {
    name: 'sweep',
    image,
    command: ['cdk8s-lanes'],
    args,
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
  };
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    ...rights,
    {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata,
      spec: {
        schedule,
        concurrencyPolicy: 'Forbid',
        jobTemplate: { spec: { backoffLimit: 1, template: { spec: { serviceAccountName: NAME, restartPolicy: 'Never', containers: [container] } } } },
      },
    },
  ];
}
