import { demand, InvalidInput } from '../errors';
import { branchPatternProblem } from '../lanes/branch-pattern';
import { gatewayHostProblem, serviceNameProblem } from '../traffic/predicates';

/** A service whose image the pipeline builds. */
export interface PipelineService {
  readonly name: string;
  /** The folder that its Dockerfile and build context are, `.` for the whole repository. */
  readonly folder: string;
  /** Files, and folders with a slash at their end, by whose changes the service counts as changed too. */
  readonly alsoPaths: string[];
}

/** What the pipeline of a repository does, whatever the CI system. */
export interface PipelinePlan {
  readonly services: PipelineService[];
  readonly baseline: string;
  /** Patterns of lane branches. */
  readonly lanes: string[];
  /** Where images are pushed to, without the service's name; may hold variables of the CI system. */
  readonly registry?: string;
  /** The context of kubectl that leads to the cluster; where there is none, the kubeconfig's own is used. */
  readonly context?: string;
  /** The wildcard host of previews, `*.preview.example.com`. */
  readonly preview?: string;
}

/** A branch that stands in rules and commands as it is: CI systems have no way of quoting for all others. */
const PLAIN_BRANCH = /^[A-Za-z0-9][A-Za-z0-9._/-]*$/;
const PLAIN_PATH = /^[A-Za-z0-9._][A-Za-z0-9._/-]*$/;
const PLAIN_WORD = /^[A-Za-z0-9$_][A-Za-z0-9$_.:/@{}-]*$/;

/** Refuses what would not survive in the files of CI systems: names there are read by YAML, by the system and by a shell. */
export function checkedPlan(plan: PipelinePlan): PipelinePlan {
  const { services, baseline, lanes, preview } = plan;
  if (services.length === 0) throw new InvalidInput('PipelineService', "'--service' must name a service of the repository, got none");
  for (const { name, folder, alsoPaths } of services) {
    demand('--service', name, serviceNameProblem(name), { code: 'ServiceName' });
    for (const path of [folder, ...alsoPaths]) demand('--service', path, pathProblem(path), { code: 'PipelinePath', remedy: 'it is said as name=folder,further/folder/,file' });
  }
  const twin = services.find(({ name }, index) => services.findIndex((each) => each.name === name) !== index);
  if (twin) throw new InvalidInput('PipelineService', `'--service' must name each service once, got ${twin.name} twice`);
  if (services.length > 1) {
    const whole = services.find(({ folder }) => folder === '.');
    if (whole) throw new InvalidInput('PipelinePath', `'--service' must give each of several services a folder of its own, got ${whole.name} without one; say ${whole.name}=folder`);
  }
  demand('--baseline', baseline, PLAIN_BRANCH.test(baseline) ? undefined : 'must be a branch of letters, digits and . _ / - to stand in the files of CI systems', { code: 'PipelineBaseline' });
  if (lanes.length === 0) throw new InvalidInput('BranchPattern', "'--lanes' must be a pattern such as 'release-*', got none");
  for (const pattern of lanes) demand('--lanes', pattern, lanePatternProblem(pattern), { code: 'BranchPattern' });
  if (preview !== undefined) demand('--preview', preview, preview.startsWith('*.') ? gatewayHostProblem(preview) : "must be a wildcard such as '*.preview.example.com'", { code: 'PreviewHost' });
  for (const [property, word] of [['--registry', plan.registry], ['--context', plan.context]]) {
    if (word !== undefined) demand(property!, word, wordProblem(word), { code: 'PipelineWord' });
  }
  return plan;
}

/** What is wrong with a word of a command. */
export function wordProblem(word: string): string | undefined {
  return PLAIN_WORD.test(word) ? undefined : 'must be letters, digits and . _ : / @ -, or variables of the CI system ($NAME)';
}

/** `name`, `name=folder` or `name=folder,further/folder/,file`. */
export function parseService(text: string): PipelineService {
  const [name, rest] = text.split(/=(.*)/s);
  const [folder, ...alsoPaths] = (rest ?? '.').split(',');
  return { name, folder: folder.replace(/(?<=.)\/+$/, ''), alsoPaths };
}

/** The variable in which `main.ts` finds the image of a service: not set where the branch did not change it. */
export function imageVariable(services: PipelineService[], service: PipelineService): string {
  return services.length === 1 ? 'IMAGE' : `IMAGE_${service.name.toUpperCase().replace(/-/g, '_')}`;
}

/** Whether lanes build the service only where it differs from the baseline. */
export function isBuiltByChange({ folder }: PipelineService): boolean {
  return folder !== '.';
}

function pathProblem(path: string): string | undefined {
  const valid = PLAIN_PATH.test(path) && !path.split('/').includes('..') && !path.startsWith('-');
  return valid ? undefined : 'must be a path within the repository, of letters, digits and . _ / -';
}

/** Quotes and dollars would end the rule, or be taken for variables. */
function lanePatternProblem(pattern: string): string | undefined {
  const problem = branchPatternProblem(pattern);
  if (problem) return problem;
  const literal = /^\/.+\/$/s.test(pattern) ? pattern.slice(1, -1) : pattern;
  return /["'`;&<>]/.test(literal) ? 'must not contain quotes or characters of the shell to stand in the files of CI systems' : undefined;
}
