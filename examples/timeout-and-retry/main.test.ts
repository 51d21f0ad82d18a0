import { Testing } from 'cdk8s';
import { bareRoute, retries, timeout } from './main';
import { schemaProblems } from '../../test/support/schema';
import { SimulatedMesh } from 'cdk8s-lanes/testing';

const steps = { 'bare-route': bareRoute, timeout, retries };
const manifestsOf = (name: keyof typeof steps) => Testing.synth(steps[name](Testing.app()));
const send = (name: keyof typeof steps) => SimulatedMesh.of(manifestsOf(name)).send({ host: 'flask-demo', path: '/anything' });
const objectOf = (name: keyof typeof steps, kind: string) => manifestsOf(name).find((each) => each.kind === kind);

const HOST = 'flask-demo.flask-demo.svc.cluster.local';
const ROUTE = [{ destination: { host: HOST, port: { number: 5000 } } }];

describe.each(Object.keys(steps) as (keyof typeof steps)[])('the step %s', (name) => {
  test('is that of the snapshot', () => {
    expect(manifestsOf(name)).toMatchSnapshot();
  });

  test('is valid', () => {
    expect(schemaProblems(manifestsOf(name))).toEqual([]);
  });

  test('has the objects of the scenario, and nothing for versions', () => {
    expect(manifestsOf(name).map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([
      'Namespace flask-demo', 'Service flask-demo', 'Deployment flask-demo', 'VirtualService flask-demo-vs',
    ]);
  });

  test('offers the port 5000 on every node, without a name', () => {
    expect(objectOf(name, 'Service').spec).toEqual({
      type: 'NodePort', selector: { app: 'flask-demo' }, ports: [{ port: 5000, targetPort: 5000, appProtocol: 'http' }],
    });
  });

  test('labels its pods by app alone', () => {
    const { selector, template } = objectOf(name, 'Deployment').spec;
    expect(selector.matchLabels).toEqual({ app: 'flask-demo' });
    expect(template.metadata.labels).toEqual({ app: 'flask-demo' });
  });

  test('routes every request to the service', () => {
    expect(send(name)).toServe({ service: 'flask-demo', workload: 'flask-demo' });
  });
});

test('the bare route says nothing else', () => {
  expect(objectOf('bare-route', 'VirtualService').spec).toEqual({ hosts: [HOST], http: [{ route: ROUTE }] });
});

test('the timeout is one second', () => {
  expect(send('timeout').outcome.timeoutMs).toBe(1000);
  expect(objectOf('timeout', 'VirtualService').spec.http).toEqual([{ route: ROUTE, timeout: '1s' }]);
});

test('the retries are three, of a second each, after answers 5xx, without a timeout over all', () => {
  expect(send('retries').outcome).toMatchObject({ retries: { attempts: 3, on: ['5xx'], perTryTimeoutMs: 1000 } });
  expect(send('retries').outcome.timeoutMs).toBeUndefined();
  expect(objectOf('retries', 'VirtualService').spec.http).toEqual([
    { route: ROUTE, retries: { attempts: 3, perTryTimeout: '1s', retryOn: '5xx' } },
  ]);
});
