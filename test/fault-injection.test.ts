import { App, Duration } from 'cdk8s';
import {
  AppProtocol, CanaryService, Destination, Fault, FaultInjection, FaultInjectionProps, MeshGateway, MeshHost, RequestMatch,
  ResilientBackend, RouteRule, StainedRoute, Staining, StringMatch,
} from '../src';
import { chartOf, inventory, rulesOf } from './support/objects';
import { expectRefusal } from './support/refusals';
import { schemaProblems } from './support/schema';

const abort = (httpStatus = 503) => Fault.abort({ httpStatus, percentage: 50 });
const aborted = (httpStatus = 503) => ({ abort: { httpStatus, percentage: { value: 50 } } });
const safari = RequestMatch.userAgent(StringMatch.regex('.*Safari.*'));
const delayed = { delay: { fixedDelay: '7s', percentage: { value: 100 } } };
const delay = Fault.delay({ duration: Duration.seconds(7), percentage: 100 });

/** Two services, a lane that serves the first, and a place for faults. */
function shop() {
  const app = new App();
  const chart = chartOf('shop', 'shop', app);
  const [testaaa, testbbb] = ['testaaa', 'testbbb'].map((name) => new CanaryService(chart, name, { port: 80, template: { image: 'a' }, baseline: { version: 'release' } }));
  testaaa.addVersion('v2');
  let count = 0;
  const inject = (props: Partial<FaultInjectionProps>) => new FaultInjection(chart, `fault-${++count}`, { host: testaaa, fault: abort(), ...props });
  return { app, chart, testaaa, testbbb, inject };
}

/** Name, match and fault of every rule. */
const outline = (rules: any[]) => rules.map(({ name, match, fault }) => [name, match, fault]);

describe('a fault for everybody', () => {
  test('stands in every rule that routes to the host, in the mesh and at gateways', () => {
    const { chart, testaaa, testbbb, inject } = shop();
    testaaa.sendTo('v2', [safari]);
    testbbb.host.addRule(RouteRule.to([Destination.of(testaaa, { version: 'v2' })], { match: [safari] }));
    new MeshGateway(chart, 'gateway', { hosts: ['*'], staining: Staining.open() }).route(testaaa);
    inject({});

    expect(rulesOf(chart, 'testaaa').map(({ fault }) => fault)).toEqual([aborted(), aborted()]);
    expect(rulesOf(chart, 'gateway-any-host').map(({ fault }) => fault)).toEqual([aborted(), aborted()]);
    expect(rulesOf(chart, 'testbbb').map(({ fault }) => fault)).toEqual([aborted(), undefined]);
    expect(schemaProblems(chart.toJson())).toEqual([]);
  });

  test('is for lanes too', () => {
    const { chart, testaaa, inject } = shop();
    new StainedRoute(chart, 'lanes').addLane('release-v1').serve(testaaa);
    inject({ match: [] });

    expect(rulesOf(chart, 'testaaa').map(({ name, fault }) => [name, fault])).toEqual([['lane/release-v1', aborted()], [undefined, aborted()]]);
  });

  test('emits no object of its own', () => {
    const { chart, inject } = shop();
    const before = inventory(chart);
    inject({});

    expect(inventory(chart)).toEqual(before);
  });

  test('of a host that somebody else deploys', () => {
    const chart = chartOf();
    const host = new MeshHost(chart, 'legacy', { name: 'legacy' });
    new FaultInjection(chart, 'fault', { host, fault: delay });

    expect(rulesOf(chart, 'legacy')).toEqual([{ route: [{ destination: { host: host.hostName } }], fault: delayed }]);
  });

  test('leaves redirects and direct responses alone, with which Istio refuses it', () => {
    const { chart, testaaa, inject } = shop();
    testaaa.host.addRule(RouteRule.redirect({ uri: '/new' }, { match: [RequestMatch.pathPrefix('/old')] }));
    testaaa.host.addRule(RouteRule.directResponse(404, undefined, { match: [RequestMatch.pathPrefix('/gone')] }));
    inject({});

    expect(rulesOf(chart, 'testaaa').map(({ fault }) => fault)).toEqual([undefined, undefined, aborted()]);
  });
});

describe('a fault for some requests', () => {
  test('all the props but the lane: a copy of each rule stands before it, for those requests', () => {
    const { chart, testaaa } = shop();
    testaaa.sendTo('v2', [RequestMatch.pathPrefix('/v2')]);
    const said: Required<Omit<FaultInjectionProps, 'lane'>> = { host: testaaa, fault: abort().and(delay), match: [safari, RequestMatch.header('x-fault', StringMatch.present())] };
    new FaultInjection(chart, 'fault', said);
    const agent = { 'user-agent': { regex: '.*Safari.*' } };
    const route = (subset: string) => [{ destination: { host: testaaa.hostName, subset, port: { number: 80 } } }];

    expect(rulesOf(chart, 'testaaa')).toEqual([
      { match: [{ uri: { prefix: '/v2' }, headers: agent }, { uri: { prefix: '/v2' }, headers: { 'x-fault': {} } }], route: route('v2'), fault: { ...aborted(), ...delayed } },
      { match: [{ uri: { prefix: '/v2' } }], route: route('v2') },
      { match: [{ headers: agent }, { headers: { 'x-fault': {} } }], route: route('release'), fault: { ...aborted(), ...delayed } },
      { route: route('release') },
    ]);
    expect(schemaProblems(chart.toJson())).toEqual([]);
  });

  test('makes no copy of a rule that is not for them', () => {
    const { chart, testaaa, inject } = shop();
    testaaa.sendTo('v2', [RequestMatch.pathPrefix('/v2')]);
    inject({ match: [RequestMatch.pathPrefix('/v1')] });

    expect(outline(rulesOf(chart, 'testaaa'))).toEqual([
      [undefined, [{ uri: { prefix: '/v2' } }], undefined], [undefined, [{ uri: { prefix: '/v1' } }], aborted()], [undefined, undefined, undefined],
    ]);
  });

  test('keeps all else that is said of the host, and of the rule', () => {
    const { chart, testaaa, inject } = shop();
    new ResilientBackend(chart, 'patience', { host: testaaa, timeout: Duration.seconds(2) });
    testaaa.split({ release: 9, v2: 1 });
    inject({ match: [safari] });

    const [copy, original] = rulesOf(chart, 'testaaa');
    const { match, fault, ...rest } = copy;
    expect(rest).toEqual(original);
  });

  test('stands beside one for everybody, which the others get', () => {
    const { chart, inject } = shop();
    inject({ match: [safari], fault: delay });
    inject({});

    expect(rulesOf(chart, 'testaaa').map(({ fault }) => fault)).toEqual([delayed, aborted()]);
  });

  test('may be several, the first of which a request gets', () => {
    const { chart, inject } = shop();
    inject({ match: [safari], fault: delay });
    inject({ match: [RequestMatch.pathPrefix('/x')] });

    expect(rulesOf(chart, 'testaaa').map(({ fault }) => fault)).toEqual([delayed, aborted(), undefined]);
  });

  test('is at gateways within what the gateway routes', () => {
    const { chart, testaaa, inject } = shop();
    new MeshGateway(chart, 'gateway', { hosts: ['*'], staining: Staining.open() }).route(testaaa, { match: [RequestMatch.pathPrefix('/api')] });
    inject({ match: [safari] });

    expect(outline(rulesOf(chart, 'gateway-any-host'))).toEqual([
      [undefined, [{ uri: { prefix: '/api' }, headers: { 'user-agent': { regex: '.*Safari.*' } } }], aborted()],
      [undefined, [{ uri: { prefix: '/api' } }], undefined],
    ]);
  });

  test('is for those requests of lanes too', () => {
    const { chart, testaaa, inject } = shop();
    new StainedRoute(chart, 'lanes').addLane('release-v1').serve(testaaa);
    inject({ match: [safari] });

    expect(rulesOf(chart, 'testaaa').map(({ name, fault }) => [name, fault !== undefined])).toEqual([
      ['lane/release-v1', true], [undefined, true], ['lane/release-v1', false], [undefined, false],
    ]);
  });
});

describe('a fault for one lane', () => {
  function laned() {
    const made = shop();
    const lanes = new StainedRoute(made.chart, 'lanes');
    const [one, two] = ['l1', 'l2'].map((name) => lanes.addLane(name));
    return { ...made, lanes, one, two };
  }

  test('all the props but the match: the lane\'s rules have it, the baseline\'s and other lanes\' have not', () => {
    const { app, chart, testaaa, one, two } = laned();
    for (const lane of [one, two]) lane.serve(testaaa);
    new MeshGateway(chart, 'gateway', { hosts: ['*'], staining: Staining.open() }).route(testaaa);
    const said: Required<Omit<FaultInjectionProps, 'match'>> = { host: testaaa, fault: abort(), lane: one };
    new FaultInjection(chart, 'fault', said);

    for (const name of ['testaaa', 'gateway-any-host']) {
      expect(rulesOf(chart, name).map((rule) => [rule.name, rule.fault])).toEqual([['lane/l1', aborted()], ['lane/l2', undefined], [undefined, undefined]]);
    }
    expect(schemaProblems(chart.toJson())).toEqual([]);
    expect(() => app.synthYaml()).not.toThrow();
  });

  test('may be said before the lane serves the host', () => {
    const { app, chart, testaaa, one, inject } = laned();
    inject({ lane: one });
    one.serve(testaaa);

    expect(rulesOf(chart, 'testaaa')[0]).toMatchObject({ name: 'lane/l1', fault: aborted() });
    expect(() => app.synthYaml()).not.toThrow();
  });

  test('is in place of the one for everybody', () => {
    const { chart, testaaa, one, two, inject } = laned();
    for (const lane of [one, two]) lane.serve(testaaa);
    inject({ fault: delay });
    inject({ lane: one });

    expect(rulesOf(chart, 'testaaa').map(({ name, fault }) => [name, fault])).toEqual([['lane/l1', aborted()], ['lane/l2', delayed], [undefined, delayed]]);
  });

  test('of each lane its own', () => {
    const { chart, testaaa, one, two, inject } = laned();
    for (const lane of [one, two]) lane.serve(testaaa);
    inject({ lane: two, fault: delay });
    inject({ lane: one });

    expect(rulesOf(chart, 'testaaa').map(({ fault }) => fault)).toEqual([aborted(), delayed, undefined]);
  });

  test('is refused at synth where the lane does not serve the host', () => {
    const { app, testaaa, testbbb, one, two, inject } = laned();
    one.serve(testbbb);
    two.serve(testaaa);
    inject({ lane: one });

    expect(() => app.synthYaml()).toThrow(/\[shop\/testaaa\/host\] 'lane' must be a lane that serves testaaa\.shop\.svc\.cluster\.local, got "l1" \(those are: l2\)/);
  });

  test('twice for one lane is refused, as twice for everybody is', () => {
    const { app, testaaa, one, inject } = laned();
    one.serve(testaaa);

    expect(() => {
      inject({ lane: one });
      inject({ lane: one, fault: delay });
      app.synthYaml();
    }).toThrow(/fault.*l1|l1.*fault/);
  });

  test('does not hit what another host answers within one rule: that rule is refused', () => {
    const { app, testaaa, testbbb, one, inject } = laned();
    one.serve(testaaa);
    testaaa.host.routeDefault([Destination.of(testaaa, { version: 'release' }), Destination.of(testbbb, { version: 'release' })]);
    inject({ lane: one });

    expect(() => app.synthYaml()).toThrow(/fault.*testaaa\.shop\.svc\.cluster\.local.*split the rule/);
  });
});

describe('refused is', () => {
  test('a host that the app does not own', () => {
    expectRefusal(() => shop().inject({ host: { hostName: 'legacy.old.svc.cluster.local' } }), {
      code: 'HostNotOwned', property: 'host', path: 'shop/fault-1', says: /got legacy\.old\.svc\.cluster\.local; make a MeshHost/,
    });
  });

  test('a match together with a lane', () => {
    const { chart, inject } = shop();
    const lane = new StainedRoute(chart, 'lanes').addLane('l1');

    expectRefusal(() => inject({ lane, match: [safari] }), { code: 'FaultMatchAndLane', property: 'match', path: 'shop/fault-1', says: /1 matches and lane l1; use a FaultInjection for each/ });
  });

  test.each([AppProtocol.TCP, AppProtocol.TLS, AppProtocol.HTTPS])('a host that speaks %s', (appProtocol) => {
    const chart = chartOf();
    const host = new CanaryService(chart, 'db', { port: 1, appProtocol, baseline: { version: 'release', image: 'a' } });

    expectRefusal(() => new FaultInjection(chart, 'fault', { host, fault: abort() }), { code: 'ProtocolNotHttp', property: 'host', path: 'shop/fault', says: /let the port say an HTTP protocol/ });
  });
});

describe('refused at synth is', () => {
  test('a second fault for everybody, and the message tells how to join them', () => {
    const { app, inject } = shop();
    inject({});
    inject({ fault: delay });

    expect(() => app.synthYaml()).toThrow(/\[shop\/testaaa\/host\/VirtualService\/Resource\] 'fault' is said 2 times of testaaa\.shop\.svc\.cluster\.local .*fault\.and\(other\)/);
  });

  test('a rule that routes to another host too, which the fault would hit', () => {
    const { app, testaaa, testbbb, inject } = shop();
    testaaa.host.routeDefault([Destination.of(testaaa, { version: 'release' }), Destination.of(testbbb, { version: 'release' })]);
    inject({});

    expect(() => app.synthYaml()).toThrow(/\[shop\/testaaa\/host\/VirtualService\/Resource\] 'fault' is said of one of testaaa\.\S+ and testbbb\.\S+.*split the rule/);
  });

  test('not a rule that sends nothing to the other host', () => {
    const { app, testaaa, testbbb, inject } = shop();
    testaaa.host.routeDefault([Destination.of(testaaa, { version: 'release' }), Destination.of(testbbb, { version: 'release', weight: 0 })]);
    inject({});

    expect(() => app.synthYaml()).not.toThrow();
  });

  test('a match that cannot be joined with a rule\'s, and the message tells where', () => {
    const { app, testaaa, inject } = shop();
    testaaa.sendTo('v2', [RequestMatch.path(StringMatch.regex('/a.*'))]);
    inject({ match: [RequestMatch.pathPrefix('/a')] });

    expect(() => app.synthYaml()).toThrow(/\[shop\/testaaa[^\]]*\].*'uri' is asked for twice/);
  });

  test('a match on the lane header, which only the rules of lanes may look at', () => {
    const { app, chart, testaaa, inject } = shop();
    new StainedRoute(chart, 'lanes').addLane('l1').serve(testaaa);
    inject({ match: [RequestMatch.header('project-version', StringMatch.exact('l1'))] });

    expect(() => app.synthYaml()).toThrow(/matches the lane header 'project-version'/);
  });
});
