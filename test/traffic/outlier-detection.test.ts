import { Duration } from 'cdk8s';
import { OutlierDetection, OutlierDetectionOptions } from '../../src';
import { trafficPolicyProblems } from '../support/mesh-objects';
import { expectRefusal } from '../support/refusals';

const COUNTS = ['consecutive5xxErrors', 'consecutiveGatewayErrors', 'consecutiveLocalOriginFailures'];

const detectionOf = (options: OutlierDetectionOptions) => OutlierDetection.of(options)._toManifest();

test('the share that may be ejected is enough, since all else has a default that works', () => {
  const outlierDetection = detectionOf({ maxEjectionPercent: 100 });

  expect(outlierDetection).toEqual({ maxEjectionPercent: 100 });
  expect(trafficPolicyProblems({ outlierDetection })).toEqual([]);
});

test('all that can be said is written', () => {
  const said: Required<OutlierDetectionOptions> = {
    maxEjectionPercent: 50,
    consecutive5xxErrors: 3,
    consecutiveGatewayErrors: 2,
    consecutiveLocalOriginFailures: 4,
    splitExternalLocalOriginErrors: true,
    interval: Duration.seconds(10),
    baseEjectionTime: Duration.minutes(1),
    minHealthPercent: 30,
  };
  const outlierDetection = detectionOf(said);

  expect(outlierDetection).toEqual({ ...said, interval: '10s', baseEjectionTime: '60s' });
  expect(trafficPolicyProblems({ outlierDetection })).toEqual([]);
});

test.each([
  { consecutive5xxErrors: 0, consecutiveGatewayErrors: 9, consecutiveLocalOriginFailures: 0, minHealthPercent: 0 },
  { consecutive5xxErrors: 1, consecutiveGatewayErrors: 0 },
  { consecutive5xxErrors: 0, splitExternalLocalOriginErrors: true },
])('zeros that mean something are written: a detector switched off, no least share of healthy pods: %j', (zeros) => {
  expect(detectionOf({ maxEjectionPercent: 1, ...zeros })).toEqual({ maxEjectionPercent: 1, ...zeros });
});

test('what is undefined was not said', () => {
  const said = { maxEjectionPercent: 10, interval: undefined, consecutive5xxErrors: undefined, minHealthPercent: undefined };

  expect(detectionOf(said)).toEqual({ maxEjectionPercent: 10 });
});

describe('refused is', () => {
  test.each([0, -1, 101, 12.5, Number.NaN])('an ejection of at most %d per cent', (maxEjectionPercent) => {
    expectRefusal(() => detectionOf({ maxEjectionPercent }), {
      code: 'MaxEjectionPercent', property: 'maxEjectionPercent', got: maxEjectionPercent, says: /from 1 to 100 .*0 would eject nothing: leave outlier detection out/,
    });
  });

  test('saying nothing of that share, by the compiler: Istio\'s own 10 % ejects nothing below 10 pods', () => {
    // @ts-expect-error maxEjectionPercent is asked for
    expect(() => OutlierDetection.of({ consecutive5xxErrors: 1 })).toThrow(/'maxEjectionPercent'/);
  });

  test.each([
    { consecutive5xxErrors: 0 },
    { consecutive5xxErrors: 0, consecutiveGatewayErrors: 0, consecutiveLocalOriginFailures: 0, splitExternalLocalOriginErrors: true },
  ])('counts by which no pod is ever ejected: %j', (counts) => {
    expectRefusal(() => detectionOf({ maxEjectionPercent: 100, ...counts }), {
      code: 'EjectsNothing', property: 'consecutive5xxErrors', got: 0, says: /where nothing else ejects.*leave outlier detection out/,
    });
  });

  test.each([{ consecutiveGatewayErrors: 5 }, { consecutiveGatewayErrors: 3, consecutive5xxErrors: 2 }])('a count of gateway errors that the 5xx always come before: %j', (counts) => {
    expectRefusal(() => detectionOf({ maxEjectionPercent: 100, ...counts }), {
      code: 'GatewayErrorsIdle', property: 'consecutiveGatewayErrors', got: counts.consecutiveGatewayErrors, says: /less than consecutive5xxErrors.*consecutive5xxErrors: 0 lets/,
    });
  });

  test.each([-1, 101, 0.5])('a least share of healthy pods of %d per cent', (minHealthPercent) => {
    expectRefusal(() => detectionOf({ maxEjectionPercent: 100, minHealthPercent }), {
      code: 'MinHealthPercent', property: 'minHealthPercent', got: minHealthPercent, says: /from 0 to 100/,
    });
  });

  test.each(COUNTS.flatMap((property) => [-1, 1.5, 2 ** 31].map((count) => [property, count] as const)))('%s of %d', (property, count) => {
    expectRefusal(() => detectionOf({ maxEjectionPercent: 100, splitExternalLocalOriginErrors: true, [property]: count }), {
      code: 'Count', property, got: count, says: /whole number, 0 or more/,
    });
  });

  test.each([undefined, false])('a count of failed connections without counting them apart (%s), which istiod refuses', (splitExternalLocalOriginErrors) => {
    expectRefusal(() => detectionOf({ maxEjectionPercent: 100, consecutiveLocalOriginFailures: 4, splitExternalLocalOriginErrors }), {
      code: 'LocalOriginErrors', property: 'consecutiveLocalOriginFailures', got: 4, says: /needs splitExternalLocalOriginErrors: true/,
    });
  });

  test.each(['interval', 'baseEjectionTime'])('a duration %s that Istio does not take', (property) => {
    for (const [duration, got] of [[Duration.seconds(0), '0 ms'], [Duration.millis(0.5), '0.5 ms'], [Duration.seconds(0.0015), '1.5 ms']] as const) {
      expectRefusal(() => detectionOf({ maxEjectionPercent: 100, [property]: duration }), { code: 'Duration', property, got, says: /1 ms or more/ });
    }
  });
});
