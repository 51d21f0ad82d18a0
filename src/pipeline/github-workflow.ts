import { stringify } from 'yaml';
import { cronProblem } from './cron';
import { checkedPlan, imageVariable, isBuiltByChange, PipelinePlan, PipelineService } from './pipeline-plan';
import { demand, InvalidInput } from '../errors';
import { branchFilter } from '../lanes/branch-pattern';

/** What a workflow for GitHub needs to be told beside the plan. */
export interface GitHubOptions {
  /** When to sweep: five fields of cron. */
  readonly sweep: string;
  /** The labels of the runners. */
  readonly runsOn: string[];
  /** The version of cdk8s-lanes in jobs without a checkout; where none is said, the newest. */
  readonly version?: string;
}

const HEADER = `# Lanes of branches: a push puts the branch's lane up, its end takes it down, a schedule sweeps what was left.
# Made by 'cdk8s-lanes ci github'; make it again rather than editing it. The secret KUBECONFIG leads to the cluster.
`;

/**
 * `.github/workflows/lanes.yml` of a repository. Branches and events stand in no script but as quoted variables.
 *
 * A deletion runs on the default branch: its branch is `github.event.ref`.
 */
export function gitHubWorkflow(plan: PipelinePlan, { sweep, runsOn, version }: GitHubOptions): string {
  const { services, baseline, lanes } = checkedPlan(plan);
  demand('--sweep', sweep, cronProblem(sweep), { code: 'PipelineCron' });
  if (runsOn.length === 0) throw new InvalidInput('PipelineRunner', "'--runs-on' must name a label of the runners, got none");
  if (version !== undefined) {
    demand('--use-version', version, /^[0-9A-Za-z.^~-]+$/.test(version) ? undefined : "must be a version of npm's, such as '1.2.3' or '^1'", { code: 'PipelineVersion' });
  }
  const command = `npx --yes cdk8s-lanes${version === undefined ? '' : `@${version}`}`;
  const jobs: Record<string, any> = {};
  for (const service of services) jobs[buildName(service)] = buildJob(plan, service);
  jobs.deploy = deployJob(plan);
  if (services.every(isBuiltByChange)) jobs.drop = dropJob(plan, command);
  jobs.down = downJob(plan, command);
  jobs.sweep = sweepJob(plan, command);
  for (const [name, job] of Object.entries(jobs)) jobs[name] = { 'runs-on': runsOn.length === 1 ? runsOn[0] : runsOn, ...job };
  return HEADER + stringify({
    name: 'lanes',
    on: {
      push: { branches: [baseline, ...lanes.map(filterOf)] },
      delete: null,
      schedule: [{ cron: sweep }],
      workflow_dispatch: null,
    },
    permissions: { contents: 'read' },
    // Fails where any part of a pipe does.
    defaults: { run: { shell: 'bash' } },
    jobs,
  }, { version: '1.1', lineWidth: 0, nullStr: '', aliasDuplicateObjects: false });
}

const buildName = ({ name }: PipelineService) => `build-${name}`;
const imageOutput = (service: PipelineService) => `needs.${buildName(service)}.outputs.image`;
const PUSHED = "github.event_name == 'push' && !github.event.deleted";

/** One run after the other for each lane, and none dropped: by default GitHub drops a waiting run when the next comes. */
const oneAtATime = (group: string) => ({ group, queue: 'max' });

function filterOf(pattern: string): string {
  const filter = branchFilter(pattern);
  if (filter !== undefined) return filter;
  throw new InvalidInput('BranchPattern', `'--lanes' must be a pattern such as 'release-*' for GitHub, whose filters have no regular expressions, got ${JSON.stringify(pattern)}`);
}

function buildJob({ baseline, registry, services }: PipelinePlan, service: PipelineService): any {
  const name = `${registry ?? 'ghcr.io/${GITHUB_REPOSITORY,,}'}/${service.name}:$GITHUB_SHA`;
  const paths = [service.folder, ...service.alsoPaths].map((path) => `"${path}"`).join(' ');
  const changed = { if: "steps.changed.outputs.changed == 'true'" };
  const byChange = isBuiltByChange(service);
  return {
    if: PUSHED,
    permissions: { contents: 'read', packages: 'write' },
    outputs: { image: '${{ steps.image.outputs.image }}' },
    steps: [
      { uses: 'actions/checkout@v4', ...(byChange ? { with: { 'fetch-depth': 0 } } : {}) },
      ...(byChange ? [{ id: 'changed', name: `Whether the branch changed ${service.name}`, env: { BASELINE: baseline }, run: changedScript(paths) }] : []),
      {
        ...(byChange ? changed : {}),
        id: 'image',
        name: `Build and push ${imageVariable(services, service)}`,
        // The user is no secret: GitHub drops outputs in which a secret stands, and the image's name may hold the user's.
        env: { REGISTRY_PASSWORD: registry === undefined ? '${{ secrets.GITHUB_TOKEN }}' : '${{ secrets.REGISTRY_PASSWORD }}', REGISTRY_USER: registry === undefined ? '${{ github.actor }}' : '${{ vars.REGISTRY_USER }}' },
        run: [
          `image="${name}"`,
          `printf "%s" "$REGISTRY_PASSWORD" | docker login --username "$REGISTRY_USER" --password-stdin${isHosted(registry) ? ' "${image%%/*}"' : ''}`,
          `docker build --tag "$image" "${service.folder}"`,
          'docker push "$image"',
          'echo "image=$image" >> "$GITHUB_OUTPUT"',
          '',
        ].join('\n'),
      },
    ],
  };
}

/** Whether images are pushed to a host that is said, as docker sees it. What begins with anything else is a user of Docker Hub's. */
function isHosted(registry: string | undefined): boolean {
  const [first] = (registry ?? 'ghcr.io').split('/');
  return /[.:$]/.test(first) || first === 'localhost';
}

function changedScript(paths: string): string {
  return [
    'if [ "$GITHUB_REF_NAME" = "$BASELINE" ]; then changed=true',
    `elif git diff --quiet "origin/$BASELINE...HEAD" -- ${paths}; then changed=false`,
    'elif [ $? -eq 1 ]; then changed=true',
    'else exit 1',
    'fi',
    'echo "changed=$changed" >> "$GITHUB_OUTPUT"',
    '',
  ].join('\n');
}

function deployJob(plan: PipelinePlan): any {
  const images = plan.services.map((service) => ({ variable: imageVariable(plan.services, service), output: imageOutput(service) }));
  return {
    needs: plan.services.map(buildName),
    if: `${PUSHED} && (${images.map(({ output }) => `${output} != ''`).join(' || ')})`,
    concurrency: oneAtATime('lane-${{ github.ref_name }}'),
    env: Object.fromEntries(images.map(({ variable, output }) => [variable, `\${{ ${output} }}`])),
    steps: [
      { uses: 'actions/checkout@v4' },
      { uses: 'actions/setup-node@v4', with: { 'node-version': 22, 'cache': 'npm' } },
      toCluster(plan),
      // A branch that is deleted while its build runs is taken down before it is deployed.
      { name: 'Put up what the branch owns', run: 'npm ci\nnpx cdk8s synth\nnpx cdk8s-lanes up dist --while-branch-at origin\n' },
      ...preview(plan),
    ],
  };
}

function preview({ preview: wildcard, baseline }: PipelinePlan): any[] {
  if (wildcard === undefined) return [];
  return [{
    name: 'Tell where the lane is',
    if: `github.ref_name != '${baseline}'`,
    run: `lane=$(npx cdk8s-lanes lane-name -- "$GITHUB_REF_NAME")\necho "http://${wildcard.replace('*', '$lane')}" >> "$GITHUB_STEP_SUMMARY"\n`,
  }];
}

/** The secret is written where nobody else reads it, and stands in no command line. */
function toCluster({ context }: PipelinePlan): any {
  return {
    name: 'Find the cluster',
    env: { KUBECONFIG_TEXT: '${{ secrets.KUBECONFIG }}' },
    run: [
      'umask 077',
      'printf "%s" "$KUBECONFIG_TEXT" > "$RUNNER_TEMP/kubeconfig"',
      'echo "KUBECONFIG=$RUNNER_TEMP/kubeconfig" >> "$GITHUB_ENV"',
      ...(context === undefined ? [] : [`kubectl --kubeconfig "$RUNNER_TEMP/kubeconfig" config use-context "${context}"`]),
      '',
    ].join('\n'),
  };
}

/** A branch that changed no service has no lane: one that it had before it took its change back goes. */
function dropJob(plan: PipelinePlan, command: string): any {
  return {
    needs: plan.services.map(buildName),
    if: `${PUSHED} && github.ref_name != '${plan.baseline}' && ${plan.services.map((service) => `${imageOutput(service)} == ''`).join(' && ')}`,
    concurrency: oneAtATime('lane-${{ github.ref_name }}'),
    steps: [
      toCluster(plan),
      { name: 'Take down what the branch deployed before', run: `${command} down -- "$GITHUB_REF_NAME"\n` },
    ],
  };
}

function downJob(plan: PipelinePlan, command: string): any {
  return {
    if: "github.event_name == 'delete' && github.event.ref_type == 'branch'",
    concurrency: oneAtATime('lane-${{ github.event.ref }}'),
    steps: [
      toCluster(plan),
      { name: 'Take the lane of the branch down', env: { BRANCH: '${{ github.event.ref }}' }, run: `${command} down -- "$BRANCH"\n` },
    ],
  };
}

function sweepJob(plan: PipelinePlan, command: string): any {
  return {
    if: "github.event_name == 'schedule' || github.event_name == 'workflow_dispatch'",
    concurrency: oneAtATime('lanes-sweep'),
    steps: [
      { uses: 'actions/checkout@v4' },
      toCluster(plan),
      {
        name: 'Sweep lanes whose branch is gone or whose time is over',
        env: { BASELINE: plan.baseline },
        // Not a pipe: a list that is cut off would take live lanes down.
        run: `git ls-remote --heads origin > "$RUNNER_TEMP/branches"\n${command} sweep --branches - --baseline "$BASELINE" --yes < "$RUNNER_TEMP/branches"\n`,
      },
    ],
  };
}
