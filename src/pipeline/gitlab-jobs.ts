/*
 * The jobs of a lane's life on GitLab, for a pipeline of one's own and for a component alike: what differs is how names are
 * written, plain or as inputs.
 *
 * Branches stand in no script but as quoted variables, and in no environment but where their characters are known.
 */

/** How the images are built. */
export type Builder = 'buildkit' | 'docker';

/** What stands in the jobs. */
export interface GitLabWords {
  /** Job names begin with it, so that two pipelines can be included side by side. */
  readonly prefix: string;
  readonly baseline: string;
  /** The regular expression of lane branches, as it stands between slashes. */
  readonly lanes: string;
  readonly registry: string;
  /** The image with node, git, kubectl and cdk8s-lanes. */
  readonly deployer: string;
  readonly context?: string;
  readonly autoStopIn?: string;
  readonly preview?: string;
  readonly tags?: string[] | string;
  readonly builder: Builder;
}

/** A service as it stands in the jobs. */
export interface GitLabService {
  readonly name: string;
  readonly folder: string;
  readonly variable: string;
  /** Paths by whose changes a lane builds the service. */
  readonly changes?: string[];
}

/** GitLab takes these in the names of environments. (It also takes `$`, `{` and `}`, which it would read as a variable.) */
const ENVIRONMENT_NAME = '/^[A-Za-z0-9._\\/-]+$/';
/** Environments and resource groups are told apart by the branch itself: GitLab's slug of it is the same for several branches. */
const LANE = 'lane/$CI_COMMIT_REF_NAME';

const all = (...conditions: string[]) => conditions.join(' && ');
const notScheduled = '$CI_PIPELINE_SOURCE != "schedule"';
const isBaseline = ({ baseline }: GitLabWords) => `$CI_COMMIT_BRANCH == "${baseline}"`;
// CI_COMMIT_BRANCH is not set for tags and merge requests, so that neither matches.
const looksLikeLane = ({ baseline, lanes }: GitLabWords) => all(`$CI_COMMIT_BRANCH != "${baseline}"`, `$CI_COMMIT_BRANCH =~ /${lanes}/`);
const isLane = (words: GitLabWords) => all(looksLikeLane(words), `$CI_COMMIT_BRANCH =~ ${ENVIRONMENT_NAME}`, notScheduled);

/** Which pipelines there are: those of branches that are deployed, and none of merge requests, which would be a second for one push. */
export function workflowRules(words: GitLabWords): any[] {
  return [{ if: '$CI_PIPELINE_SOURCE == "merge_request_event"', when: 'never' }, { if: isBaseline(words) }, { if: looksLikeLane(words) }];
}

/** All jobs, by name. */
export function gitLabJobs(words: GitLabWords, services: GitLabService[]): Record<string, any> {
  const jobs: Record<string, any> = {};
  for (const service of services) jobs[buildName(words, service)] = buildJob(words, service);
  jobs[`${words.prefix}deploy-baseline`] = baselineJob(words, services);
  jobs[`${words.prefix}deploy-lane`] = laneJob(words, services);
  jobs[`${words.prefix}stop-lane`] = stopJob(words, services);
  if (anyChange(services)) jobs[`${words.prefix}drop-lane`] = dropJob(words, services);
  jobs[`${words.prefix}refuse-branch`] = refuseJob(words);
  jobs[`${words.prefix}sweep`] = sweepJob(words);
  return jobs;
}

const buildName = ({ prefix }: GitLabWords, { name }: GitLabService) => `${prefix}build-${name}`;
const tagged = ({ tags }: GitLabWords) => (tags === undefined ? {} : { tags });
const useContext = ({ context }: GitLabWords) => (context === undefined ? [] : [`kubectl config use-context "${context}"`]);

function laneRule(words: GitLabWords, changes: string[] | undefined, more: any = {}): any {
  return { if: isLane(words), ...(changes ? { changes: { paths: changes, compare_to: `refs/heads/${words.baseline}` } } : {}), ...more };
}

/** What any of the services counts as changed by; nothing where one is built in any case. */
function anyChange(services: GitLabService[]): string[] | undefined {
  return services.every(({ changes }) => changes) ? [...new Set(services.flatMap(({ changes }) => changes!))] : undefined;
}

function buildJob(words: GitLabWords, service: GitLabService): any {
  // A tag for each commit: a tag that is pushed again would not make Kubernetes start anything.
  const image = `${words.registry}/${service.name}:$CI_COMMIT_SHA`;
  const { script, ...build } = words.builder === 'docker' ? dockerBuild(service, image) : buildKitBuild(service, image);
  const file = `${service.name}.env`;
  return {
    stage: 'build',
    ...tagged(words),
    rules: [{ if: all(isBaseline(words), notScheduled) }, laneRule(words, service.changes)],
    ...build,
    script: [...script, `echo "${service.variable}=${image}" > "${file}"`],
    artifacts: { reports: { dotenv: file } },
  };
}

function buildKitBuild({ folder }: GitLabService, image: string): any {
  return {
    image: { name: 'moby/buildkit:rootless', entrypoint: [''] },
    variables: { BUILDKITD_FLAGS: '--oci-worker-no-process-sandbox' },
    script: [
      'mkdir -p "$HOME/.docker"',
      'login=$(printf "%s:%s" "$CI_REGISTRY_USER" "$CI_REGISTRY_PASSWORD" | base64 | tr -d "\\n")',
      'printf \'{"auths":{"%s":{"auth":"%s"}}}\' "$CI_REGISTRY" "$login" > "$HOME/.docker/config.json"',
      `buildctl-daemonless.sh build --frontend dockerfile.v0 --local "context=${folder}" --local "dockerfile=${folder}" --output "type=image,name=${image},push=true"`,
    ],
  };
}

function dockerBuild({ folder }: GitLabService, image: string): any {
  return {
    image: 'docker:28',
    services: ['docker:28-dind'],
    variables: { DOCKER_TLS_CERTDIR: '/certs' },
    script: [
      'printf "%s" "$CI_REGISTRY_PASSWORD" | docker login --username "$CI_REGISTRY_USER" --password-stdin "$CI_REGISTRY"',
      `docker build --tag "${image}" "${folder}"`,
      `docker push "${image}"`,
    ],
  };
}

const synthAndUp = (words: GitLabWords, ...more: string[]) => [...useContext(words), 'npm ci', 'npx cdk8s synth', ['npx cdk8s-lanes up dist', ...more].join(' ')];

function baselineJob(words: GitLabWords, services: GitLabService[]): any {
  return {
    stage: 'deploy',
    ...tagged(words),
    image: words.deployer,
    rules: [{ if: all(isBaseline(words), notScheduled) }],
    needs: services.map((service) => ({ job: buildName(words, service) })),
    environment: { name: 'baseline', deployment_tier: 'testing' },
    resource_group: 'baseline',
    script: synthAndUp(words),
  };
}

function laneJob(words: GitLabWords, services: GitLabService[]): any {
  const url = words.preview && `http://${words.preview.replace('*', '$LANE')}`;
  return {
    stage: 'deploy',
    ...tagged(words),
    image: words.deployer,
    rules: [laneRule(words, anyChange(services))],
    // What the branch did not change was not built.
    needs: services.map((service) => ({ job: buildName(words, service), ...(service.changes ? { optional: true } : {}) })),
    environment: {
      name: LANE,
      ...(url ? { url } : {}),
      deployment_tier: 'development',
      on_stop: `${words.prefix}stop-lane`,
      ...(words.autoStopIn === undefined ? {} : { auto_stop_in: words.autoStopIn }),
    },
    resource_group: LANE,
    // The stop job waits for nobody: a branch that is deleted while its build runs is stopped before it is deployed.
    script: [...synthAndUp(words, '--while-branch-at origin'), ...(url ? ['echo "LANE=$(npx cdk8s-lanes lane-name -- "$CI_COMMIT_BRANCH")" > lane.env'] : [])],
    ...(url ? { artifacts: { reports: { dotenv: 'lane.env' } } } : {}),
  };
}

/** Runs when the branch is gone: without a checkout, at once, whatever became of the other jobs. */
function stopJob(words: GitLabWords, services: GitLabService[]): any {
  return {
    stage: 'deploy',
    ...tagged(words),
    image: words.deployer,
    rules: [laneRule(words, anyChange(services), { when: 'manual', allow_failure: true })],
    needs: [],
    variables: { GIT_STRATEGY: 'none' },
    environment: { name: LANE, action: 'stop' },
    resource_group: LANE,
    script: [...useContext(words), 'cdk8s-lanes down -- "$CI_COMMIT_BRANCH"'],
  };
}

/** A branch that changed no service has no lane: one that it had before it took its change back goes. */
function dropJob(words: GitLabWords, services: GitLabService[]): any {
  return {
    stage: 'deploy',
    ...tagged(words),
    image: words.deployer,
    rules: [laneRule(words, anyChange(services), { when: 'never' }), laneRule(words, undefined)],
    needs: [],
    variables: { GIT_STRATEGY: 'none' },
    resource_group: LANE,
    script: [...useContext(words), 'cdk8s-lanes down -- "$CI_COMMIT_BRANCH"'],
  };
}

/** A branch that would be a lane, but for its name. */
function refuseJob(words: GitLabWords): any {
  return {
    stage: 'deploy',
    ...tagged(words),
    image: words.deployer,
    rules: [{ if: all(looksLikeLane(words), `$CI_COMMIT_BRANCH !~ ${ENVIRONMENT_NAME}`, notScheduled) }],
    needs: [],
    variables: { GIT_STRATEGY: 'none' },
    script: ['printf "The branch %s is not deployed: GitLab has no environment of that name. Rename it with letters, digits, dots, dashes, underscores and slashes.\\n" "$CI_COMMIT_BRANCH" >&2', 'exit 1'],
  };
}

/** What no stop job took down: GitLab does not repeat a stop job that failed, and has none for a job that was cancelled. */
function sweepJob(words: GitLabWords): any {
  return {
    stage: 'deploy',
    ...tagged(words),
    image: words.deployer,
    rules: [{ if: all(isBaseline(words), '$CI_PIPELINE_SOURCE == "schedule"') }],
    needs: [],
    variables: { GIT_STRATEGY: 'none' },
    resource_group: 'sweep',
    script: [
      ...useContext(words),
      // Not a pipe, whose first command may fail unnoticed: a list that is cut off would take live lanes down.
      'git ls-remote --heads "$CI_REPOSITORY_URL" > branches.txt',
      `cdk8s-lanes sweep --branches - --baseline "${words.baseline}" --yes < branches.txt`,
    ],
  };
}
