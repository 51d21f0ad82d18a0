import { Duration } from 'cdk8s';
import { IConstruct } from 'constructs';
import { demand, InvalidInput, shown } from './errors';
import { demandKinds, instance, Kind, listOf, maybe, NUMBER, TEXT } from './kinds';
import { branchPatternProblem, matchesBranch } from './lanes/branch-pattern';
import { laneName } from './lanes/lane-name';
import {
  BRANCH_ANNOTATION, COMMIT_ANNOTATION, EXPIRES_ANNOTATION, OWNER_ANNOTATION, REVISION_ANNOTATION, RUN_ANNOTATION, sourceLabel,
} from './lanes/ownership';
import { Mesh } from './mesh';
import { BranchFound, RunFacts } from './pipeline/ci-environment';
import { currentRun } from './pipeline/current-run';
import { textProblem } from './traffic/predicates';
import { millisecondsOf } from './traffic/wire-duration';

/** Which branches of a repository are deployed, and as what. */
export interface BranchRules {
  /** The branch that serves everybody who is in no lane. */
  readonly baseline: string;

  /**
   * The branches that are lanes, each a pattern with `*` for any characters (`release-*`) or a regular expression between
   * slashes (`/^release-v\d+$/`, RE2). The baseline is never one.
   * @default - every branch but the baseline
   */
  readonly lanes?: string[];

  /**
   * How long a lane stays after its last deployment, 1 minute at least. `cdk8s-lanes sweep` takes it down when that is over.
   * @default - until its branch goes
   */
  readonly ttl?: Duration;
}

/** What is known of the run that deploys. Written as annotations. */
export interface BranchFacts {
  /**
   * The repository, as `group/project`. Objects are labelled with it, and nobody but it takes them down.
   * @default - `Branch.current` takes the CI system's, else that of git's remote `origin`
   */
  readonly source?: string;

  /**
   * Who deploys.
   * @default - `Branch.current` takes the CI system's user, else git's
   */
  readonly owner?: string;

  /**
   * The commit.
   * @default - `Branch.current` takes the CI system's, else git's
   */
  readonly commit?: string;

  /**
   * An id that each CI run has for itself.
   * @default - `Branch.current` takes the CI system's
   */
  readonly run?: string;

  /**
   * A whole number that grows from pipeline to pipeline, whoever deploys: an older pipeline that comes late does not win.
   * @default - `Branch.current` takes seconds since 1970: when GitLab's pipeline was made, when GitHub's repository was pushed to last
   * as the run's event tells, else the commit's time
   */
  readonly revision?: number;

  /**
   * When the run began, RFC 3339: a lane's time (`ttl`) counts from then.
   * @default - `Branch.current` takes the CI system's, else the clock
   */
  readonly time?: string;
}

/** Options of `Branch.current`: rules, and what is said by hand. */
export interface CurrentBranchOptions extends BranchRules, BranchFacts {
  /**
   * The branch.
   * @default - the variable CDK8S_LANES_BRANCH, else what GitLab or GitHub tells, else the branch that git has checked out
   */
  readonly branch?: string;
}

/**
 * The branch that an app is synthesized for: the baseline, or a lane. With it one `main.ts` serves all branches of a
 * repository, each of which emits what it owns; see `BranchDeployment`.
 *
 * Other than the rest of this library, `Branch.current` reads what is around it: environment variables, git, the clock.
 */
export class Branch {
  /** @internal */
  public static readonly _KIND: Kind = instance(Branch, "Branch.current({ baseline: 'main' })");

  /**
   * The branch that is checked out, or that the CI run is for.
   *
   * | where | the branch |
   * |---|---|
   * | GitLab branch pipelines, schedules | `CI_COMMIT_BRANCH` |
   * | GitLab merge-request pipelines | the source branch |
   * | GitHub `push`, `schedule`, `workflow_dispatch`, `create` | `GITHUB_REF` |
   * | GitHub pull requests | the head branch |
   * | elsewhere | what git has checked out |
   *
   * Refused: tags, branches of forks, a detached checkout, merge requests of the baseline (they build something else than its
   * head), deleted branches, GitHub's other events, a branch that is neither the baseline nor a lane, a repository that is not
   * known.
   */
  public static current(options: CurrentBranchOptions): Branch {
    demandKinds(options, { ...FACTS, branch: maybe(TEXT) }, { of: 'options' });
    const facts = currentRun();
    const found: RunFacts['found'] = options.branch === undefined ? facts.found : { branch: options.branch, by: 'push' };
    if ('code' in found) throw refusal(found.code, `'branch' cannot be told: ${found.message}`);
    refuseUndeployable(found, options.baseline);
    return new Branch(found.branch, options, {
      source: options.source ?? facts.repository,
      owner: options.owner ?? facts.owner,
      commit: options.commit ?? facts.commit,
      run: options.run ?? facts.run,
      revision: options.revision ?? facts.revision,
      time: options.time ?? facts.time,
    });
  }

  /**
   * A branch by its name. Nothing is read: same input, same manifests.
   *
   * Refused: the empty branch, a branch that is neither the baseline nor a lane, no `source`.
   */
  public static of(branch: string, rules: BranchRules, facts: BranchFacts): Branch {
    return new Branch(branch, rules, facts);
  }

  /** The branch as its repository calls it. */
  public readonly name: string;
  /** Whether it serves everybody who is in no lane. */
  public readonly isBaseline: boolean;
  /** The lane's name, `undefined` for the baseline. */
  public readonly lane?: string;
  /** The name of the baseline's version: `laneName` of its branch. */
  public readonly baselineVersion: string;
  /** The repository, as it stands in the label `cdk8s-lanes/source`. */
  public readonly source: string;

  private constructor(name: string, private readonly rules: BranchRules, private readonly facts: BranchFacts) {
    demandKinds(rules, { lanes: maybe(listOf(TEXT)) }, { of: 'rules' });
    demandKinds(facts, FACTS, { of: 'facts' });
    const { lanes = ['*'] } = rules;
    for (const [property, branch] of [['baseline', rules.baseline], ['branch', name]]) {
      demand(property, branch, textProblem(branch), { code: 'BranchEmpty', remedy: 'it is the name that the repository has for the branch' });
    }
    for (const pattern of lanes) demand('lanes', pattern, branchPatternProblem(pattern), { code: 'BranchPattern', remedy: "patterns look like 'release-*', or like '/^release-v\\d+$/'" });
    demandFacts(rules, facts);
    this.name = name;
    this.isBaseline = name.normalize('NFC') === rules.baseline.normalize('NFC');
    this.baselineVersion = laneName(rules.baseline);
    if (!this.isBaseline && !lanes.some((pattern) => matchesBranch(pattern, name))) {
      throw refusal('BranchNeither', `'branch' must be the baseline (${rules.baseline}) or a lane (${lanes.join(', ')}), got ${shown(name)}; `
        + "leave such branches out of the pipeline, or widen 'lanes'");
    }
    if (!this.isBaseline) this.lane = laneName(name);
    if (!facts.source) {
      throw refusal('SourceUnknown', "'source' must be set, got nothing: neither a CI system nor git's remote 'origin' tells the repository; "
        + "say it, as 'group/project'");
    }
    this.source = sourceLabel(facts.source);
  }

  /**
   * Makes everything in the app of `scope` this branch's: marked where it belongs to the branch, left out where it does not.
   * `BranchDeployment` does that by itself; call it for apps without one, such as a gateway's, whose objects are the baseline's.
   *
   * Refused: a second branch for one app.
   */
  public own(scope: IConstruct): void {
    Mesh.of(scope).ownBy(this, scope);
  }

  /**
   * What is written on every object of this branch, beside what stands in labels.
   *
   * @internal
   */
  public get _annotations(): Record<string, string> {
    const { owner, commit, run, revision } = this.facts;
    const all = {
      [BRANCH_ANNOTATION]: this.name,
      [OWNER_ANNOTATION]: owner,
      [COMMIT_ANNOTATION]: commit,
      [RUN_ANNOTATION]: run,
      [REVISION_ANNOTATION]: revision === undefined ? undefined : String(revision),
      [EXPIRES_ANNOTATION]: this.expires,
    };
    return Object.fromEntries(Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== ''));
  }

  private get expires(): string | undefined {
    const { ttl } = this.rules;
    if (this.isBaseline || ttl === undefined) return undefined;
    return new Date(Date.parse(this.facts.time!) + ttl.toMilliseconds()).toISOString().replace(/\.\d+Z$/, 'Z');
  }
}

const FACTS = { source: maybe(TEXT), owner: maybe(TEXT), commit: maybe(TEXT), run: maybe(TEXT), revision: maybe(NUMBER), time: maybe(TEXT) };

function demandFacts({ ttl }: BranchRules, { time, revision }: BranchFacts): void {
  const short = ttl !== undefined && millisecondsOf('ttl', ttl) < 60_000;
  demand('ttl', ttl?.toHumanString(), short ? 'must be 1 minute or more' : undefined, { code: 'LaneTtl' });
  const timeProblem = time === undefined ? 'must be set where lanes have a time to live' : 'must be a point in time (RFC 3339), such as 2026-03-01T12:00:00Z';
  if (time === undefined ? ttl : Number.isNaN(Date.parse(time))) demand('time', time, timeProblem, { code: 'Time' });
  if (revision !== undefined && !(Number.isSafeInteger(revision) && revision >= 0)) {
    demand('revision', revision, 'must be a whole number, 0 or more', { code: 'Revision' });
  }
}

function refuseUndeployable({ branch, by }: BranchFound, baseline: string): void {
  if (by === 'deletion') {
    throw refusal('BranchGone', `'branch' must be one that is there, got ${shown(branch)}, which is deleted: there is nothing to deploy; take its lane down with 'cdk8s-lanes down'`);
  }
  if (by === 'merge request' && branch === baseline) {
    throw refusal('MergeRequestOfBaseline', `'branch' must not be the baseline in a merge request's pipeline, got ${shown(branch)}: such a pipeline may build a merge that the branch does not hold yet; `
      + "the branch's own pipeline deploys it");
  }
}

/** About what is around the process, not about a line of the user's: a stack would only hide the message. */
function refusal(code: string, message: string): InvalidInput {
  const error = new InvalidInput(code, message);
  error.stack = `${error.name}: ${message}`;
  return error;
}
