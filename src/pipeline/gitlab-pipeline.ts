import { stringify } from 'yaml';
import { Builder, gitLabJobs, GitLabWords, workflowRules } from './gitlab-jobs';
import { checkedPlan, imageVariable, isBuiltByChange, PipelinePlan, wordProblem } from './pipeline-plan';
import { demand } from '../errors';
import { branchRegex } from '../lanes/branch-pattern';

/** What a pipeline for GitLab needs to be told beside the plan. */
export interface GitLabOptions {
  /** The image with node, git, kubectl and cdk8s-lanes. */
  readonly deployer: string;
  readonly builder: Builder;
  /** After how long GitLab stops a lane that nobody deploys, in GitLab's words. */
  readonly autoStopIn?: string;
  /** The tags of the runners. */
  readonly tags?: string[];
}

/** `.gitlab-ci.yml` of a repository. */
export function gitLabPipeline(plan: PipelinePlan, options: GitLabOptions): string {
  const { services, baseline, lanes, context, preview } = checkedPlan(plan);
  checkOptions(options);
  const words: GitLabWords = {
    ...options,
    prefix: '',
    baseline,
    lanes: alternatives(lanes),
    registry: plan.registry ?? '$CI_REGISTRY_IMAGE',
    context,
    preview,
  };
  const jobs = gitLabJobs(words, services.map((service) => ({
    name: service.name,
    folder: service.folder,
    variable: imageVariable(services, service),
    ...(isBuiltByChange(service) ? { changes: [`${service.folder}/**/*`, ...service.alsoPaths.map((path) => path.replace(/\/$/, '/**/*'))] } : {}),
  })));
  return HEADER + document({ stages: ['build', 'deploy'], workflow: { rules: workflowRules(words) }, ...jobs });
}

const HEADER = `# Lanes of branches: a push puts the branch's lane up, its end takes it down, a schedule sweeps what was left.
# Made by 'cdk8s-lanes ci gitlab'; make it again rather than editing it.
`;

const COMPONENT_HEADER = `# The life of a service's lanes as a component: include it once for each service that has a repository of its own.
# Made by 'cdk8s-lanes ci gitlab-component'; make it again rather than editing it.
`;

/** \`templates/<name>.yml\` of a component project: the same jobs for repositories of one service each, which say their names as inputs. */
export function gitLabComponent(options: Pick<GitLabOptions, 'builder'>): string {
  const input = (name: string) => `$[[ inputs.${name} ]]`;
  const words: GitLabWords = {
    prefix: input('job-prefix'),
    baseline: input('baseline'),
    lanes: input('lanes'),
    registry: input('registry'),
    deployer: input('deployer'),
    context: input('context'),
    autoStopIn: input('auto-stop-in'),
    preview: `*.${input('preview-domain')}`,
    tags: input('tags'),
    builder: options.builder,
  };
  const jobs = gitLabJobs(words, [{ name: input('service'), folder: input('folder'), variable: 'IMAGE' }]);
  return COMPONENT_HEADER + document({ spec: { inputs: COMPONENT_INPUTS } }) + '---\n' + document(jobs);
}

const COMPONENT_INPUTS = {
  'service': { description: 'The service, as it is called in main.ts' },
  'context': { description: "The context of kubectl: '<path of the agent's project>:<agent>'" },
  'deployer': { description: 'An image with node, git, kubectl and cdk8s-lanes' },
  'preview-domain': { description: "The domain under which each lane has a host: 'preview.example.com'" },
  'baseline': { description: 'The branch that serves everybody', default: 'main' },
  'lanes': { description: 'Which branches are lanes: a regular expression (RE2), its slashes escaped', default: '.*' },
  'folder': { description: 'The folder of the Dockerfile', default: '.' },
  'registry': { description: 'Where the image is pushed to', default: '$CI_REGISTRY_IMAGE' },
  'auto-stop-in': { description: 'After how long a lane is stopped that nobody deploys', default: '2 weeks' },
  'job-prefix': { description: 'What the names of the jobs begin with', default: '' },
  'tags': { description: 'The tags of the runners', type: 'array', default: [] },
};

function checkOptions({ deployer, builder, autoStopIn, tags }: GitLabOptions): void {
  demand('--deployer', deployer, wordProblem(deployer), { code: 'PipelineWord' });
  const known = ['buildkit', 'docker'];
  demand('--builder', builder, known.includes(builder) ? undefined : `must be one of ${known.join(', ')}`, { code: 'PipelineBuilder' });
  if (autoStopIn !== undefined) {
    demand('--auto-stop-in', autoStopIn, /^[A-Za-z0-9 ]+$/.test(autoStopIn) ? undefined : "must be a time in GitLab's words, such as '2 weeks'", { code: 'PipelineAutoStop' });
  }
  for (const tag of tags ?? []) demand('--tag', tag, tag === '' ? 'must not be empty' : undefined, { code: 'PipelineTag' });
}

/** Several patterns as one regular expression that can stand between slashes. */
function alternatives(patterns: string[]): string {
  const escaped = patterns.map((pattern) => branchRegex(pattern).replace(/(\\.)|\//g, (_, escape) => escape ?? '\\/'));
  return escaped.length === 1 ? escaped[0] : escaped.map((regex) => `(?:${regex})`).join('|');
}

/** As YAML 1.1, which GitLab reads: `on` and `yes` are quoted. */
function document(value: unknown): string {
  return stringify(value, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false });
}
