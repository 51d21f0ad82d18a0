import { InvalidInput } from '../../src/errors';

/** What the message of a refusal must tell. */
export interface Refusal {
  readonly code: string;
  /** Stands in single quotes in the message. */
  readonly property: string;
  /** The value got, as it stands in the message; a text is looked for in double quotes. */
  readonly got?: unknown;
  /** The path of the construct that it is about; leave it out for value classes, which are in no tree. */
  readonly path?: string;
  /** What is allowed, or the way out. */
  readonly says: RegExp;
}

/** Fails unless `action` is refused by an error that tells all of this. */
export function expectRefusal(action: () => unknown, refusal: Refusal): void {
  const error = thrownBy(action);
  expect(error).toBeInstanceOf(InvalidInput);
  expect(error.message).toContain(`'${refusal.property}'`);
  expect(error.message).toMatch(refusal.says);
  if (refusal.got !== undefined) expect(error.message).toContain(typeof refusal.got === 'string' ? JSON.stringify(refusal.got) : String(refusal.got));
  if (refusal.path !== undefined) expect(error.message.slice(0, refusal.path.length + 3)).toBe(`[${refusal.path}] `);
  expect((error as InvalidInput).code).toBe(refusal.code);
}

/** The error that `action` throws. */
export function thrownBy(action: () => unknown): Error {
  try {
    action();
  } catch (error) {
    return error as Error;
  }
  throw new Error('it was not refused');
}
