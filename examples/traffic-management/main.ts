import { App } from 'cdk8s';
import * as cases from './cases';
import { Tutorial } from './tutorial';

/** Each case is a state of the same services, and an app holds one of them: so an app for each, and a file for each in dist/. */
export const CASES: ((app: App) => Tutorial)[] = [
  cases.noRule,
  cases.noRuleTwoPodsOfV2,
  cases.allToV2,
  (app) => cases.split(app, 90, 10),
  (app) => cases.split(app, 75, 25),
  (app) => cases.split(app, 50, 50),
  cases.abort,
  cases.delay,
  cases.retries,
  cases.timeout,
  cases.userAgent,
  cases.mirror,
  cases.random,
  cases.circuitBreaker,
  (app) => cases.poolEjection(app),
  cases.poolEjectionAndRetries,
  cases.ingress,
];

if (require.main === module) {
  for (const build of CASES) {
    const app = new App();
    build(app);
    app.synth();
  }
}
