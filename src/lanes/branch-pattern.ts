import { RE2JS } from 're2js';
import { regexProblem } from '../traffic/predicates';

/*
 * Which branches are lanes, said once for the constructs and for the files of CI systems, each of which has its own way of
 * saying it: a pattern with `*` for any characters (`release-*`), or a regular expression between slashes (`/^release-v\d+$/`).
 */

/** What is wrong with a pattern. */
export function branchPatternProblem(pattern: string): string | undefined {
  if (pattern === '') return 'must not be empty';
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u0020\u007f]/.test(pattern)) return 'must not contain blanks or control characters, which no branch has';
  const regex = regexOf(pattern);
  if (regex === undefined) return undefined;
  const problem = regexProblem(regex);
  return problem && `between slashes ${problem}`;
}

/** Whether a branch is one of those that the pattern is for. A regular expression may match anywhere, as in GitLab's rules. */
export function matchesBranch(pattern: string, branch: string): boolean {
  return RE2JS.compile(branchRegex(pattern)).matcher(branch).find();
}

/** The pattern as a regular expression (RE2), without slashes around it. */
export function branchRegex(pattern: string): string {
  return regexOf(pattern) ?? `^${pattern.split('*').map((literal) => literal.replace(/[\\^$.|?*+()[\]{}]/g, '\\$&')).join('.*')}$`;
}

/** The pattern as GitHub's filters have it, whose `*` stops at slashes; `undefined` for regular expressions, which they have not. */
export function branchFilter(pattern: string): string | undefined {
  if (regexOf(pattern) !== undefined) return undefined;
  return pattern.split(/\*+/).map((literal) => literal.replace(/[\\?+[\]!]/g, '\\$&')).join('**');
}

function regexOf(pattern: string): string | undefined {
  return /^\/(.+)\/$/.exec(pattern)?.[1];
}
