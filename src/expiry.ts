import { IConstruct } from 'constructs';
import { demand, InvalidInput } from './errors';
import { Warnings } from './warnings';

/** The context key of the moment that an app is synthesized at (RFC 3339), for output that does not depend on the clock. */
export const NOW_CONTEXT = 'cdk8s-lanes/now';

const DAY = 24 * 60 * 60 * 1000;
/** So long before its end something is warned about. */
const NOTICE_DAYS = 14;

/** A moment of RFC 3339, or a day: then its end in UTC. */
export function momentProblem(text: string): string | undefined {
  return Number.isNaN(moment(text)) ? 'must be a day such as 2027-01-31, or a moment such as 2027-01-31T12:00:00Z' : undefined;
}

function moment(text: string): number {
  if (/^\d{4}-\d{2}-\d{2}$/.test(text)) return isRealDay(text) ? Date.parse(`${text}T00:00:00Z`) + DAY : NaN;
  return /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/.test(text) && isRealDay(text.slice(0, 10)) ? Date.parse(text) : NaN;
}

/** JavaScript takes 30 February for a day in March. */
function isRealDay(text: string): boolean {
  const time = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().slice(0, 10) === text;
}

/** Whether something with an end is over; warned about then, and for some days before. */
export function isOver(scope: IConstruct, what: string, expires: string | undefined): boolean {
  if (expires === undefined) return false;
  const [now, end] = [nowOf(scope), moment(expires)];
  if (end <= now) {
    Warnings.of(scope).add(scope, 'CallbackExpired', `${what} expired (${expires}) and is left out; give it a later day, or take it out of the app`);
    return true;
  }
  if (end - now <= NOTICE_DAYS * DAY) {
    Warnings.of(scope).add(scope, 'CallbackExpiresSoon', `${what} expires soon (${expires}), and is left out from then on; give it a later day if it is still needed`);
  }
  return false;
}

/** When the app is synthesized. */
function nowOf(scope: IConstruct): number {
  const said: unknown = scope.node.root.node.tryGetContext(NOW_CONTEXT);
  if (said === undefined) return Date.now();
  if (typeof said !== 'string') throw new InvalidInput('Now', `'${NOW_CONTEXT}' must be a text in RFC 3339, got ${String(said)}`, scope);
  demand(NOW_CONTEXT, said, momentProblem(said), { code: 'Now', scope });
  return /T/.test(said) ? Date.parse(said) : Date.parse(`${said}T00:00:00Z`);
}
