import { Duration } from 'cdk8s';
import { IConstruct } from 'constructs';
import { millisecondsProblem } from './predicates';
import { demand } from '../errors';
import { DURATION } from '../kinds';

/** A duration as Istio writes it: `1500ms`, `2s`. (cdk8s' own texts are ISO 8601, which Istio refuses.) */
export function wireDuration(property: string, duration: Duration, scope?: IConstruct): string {
  const milliseconds = millisecondsOf(property, duration, scope);
  demand(property, `${milliseconds} ms`, millisecondsProblem(milliseconds), { code: 'Duration', scope });
  return wireMilliseconds(milliseconds);
}

/** The same of whole milliseconds. */
export function wireMilliseconds(milliseconds: number): string {
  return milliseconds % 1000 === 0 ? `${milliseconds / 1000}s` : `${milliseconds}ms`;
}

/** The milliseconds of a duration, parts of them too. */
export function millisecondsOf(property: string, duration: Duration, scope?: IConstruct): number {
  demand(property, duration, DURATION(duration), { code: 'Duration', scope, remedy: 'such as Duration.seconds(2)' });
  return duration.toMilliseconds({ integral: false });
}
