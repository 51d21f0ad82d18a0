import { createHash } from 'crypto';
import { demand } from '../errors';
import { textProblem } from '../traffic/predicates';

/** A branch whose name is already a good lane name of at most so many characters keeps it. */
const LONGEST_PLAIN_NAME = 30;
const HASH_DIGITS = 6;

/**
 * The lane of a branch: a DNS label of at most 30 characters that is the lane header's value, the subset's name and the
 * `version` label's value. Stable for ever, and different for branches that only look alike: `release-v1` keeps its name,
 * `release/v1`, `Release_V1` and `release.v1` get names with different hashes.
 *
 * The branch is brought to Unicode NFC first, so a name composed on one machine and decomposed on another is one branch.
 *
 * Refused: the empty branch.
 */
export function laneName(branch: string): string {
  demand('branch', branch, textProblem(branch), { code: 'BranchEmpty', remedy: 'a detached checkout has no branch: name it explicitly' });
  return uniqueLabel(branch, LONGEST_PLAIN_NAME);
}

/**
 * A DNS label for any text: the text itself where it is one of at most `longest` characters, else a shortened form with a hash,
 * so that no two texts share a label.
 */
export function uniqueLabel(text: string, longest: number): string {
  const composed = text.normalize('NFC');
  const slug = composed.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '');
  if (slug === composed && slug.length <= longest) return slug;
  const hash = hashOf(composed);
  if (slug === '') return `b-${hash}`;
  const head = slug.slice(0, longest - HASH_DIGITS - 1).replace(/-$/, '');
  return `${head}-${hash}`;
}

/** The last base-36 digits of SHA-256 read as one big-endian number. */
function hashOf(text: string): string {
  const digest = createHash('sha256').update(text, 'utf8').digest('hex');
  return BigInt(`0x${digest}`).toString(36).padStart(HASH_DIGITS, '0').slice(-HASH_DIGITS);
}
