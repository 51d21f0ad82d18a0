import { App } from 'cdk8s';
import {
  AppProtocol, CanaryService, Destination, MeshGateway, MeshHost, MirrorTarget, MirrorTargetProps, RequestMatch, RouteRule, StainedRoute,
  Staining, Warnings,
} from '../src';
import { chartOf, inventory, rulesOf } from './support/objects';
import { expectRefusal } from './support/refusals';
import { schemaProblems } from './support/schema';

/** A service with two versions, one to mirror to, and a place for mirrors. */
function shop() {
  const app = new App();
  const chart = chartOf('shop', 'shop', app);
  const [testaaa, sniffer] = ['testaaa', 'sniffer'].map((name) => new CanaryService(chart, name, { port: 80, template: { image: 'a' }, baseline: { version: 'release' } }));
  testaaa.addVersion('v2');
  let count = 0;
  const mirror = (props: Partial<MirrorTargetProps>) => new MirrorTarget(chart, `mirror-${++count}`, { from: testaaa, to: sniffer, ...props });
  return { app, chart, testaaa, sniffer, mirror };
}

const at = (service: string, subset?: string) => ({ host: `${service}.shop.svc.cluster.local`, ...(subset === undefined ? {} : { subset }), port: { number: 80 } });
/** What the rules say of mirrors. */
const mirrorsOf = (rules: any[]) => rules.map(({ mirror, mirrorPercentage, mirrors }) => ({ mirror, mirrorPercentage, mirrors }));
const api = [RequestMatch.pathPrefix('/api')];

beforeEach(() => void jest.spyOn(process.stderr, 'write').mockReturnValue(true));
afterEach(() => jest.restoreAllMocks());

describe('a mirror', () => {
  test('of everything to a version of the same service', () => {
    const { app, chart, testaaa, mirror } = shop();
    mirror({ to: testaaa, toVersion: 'v2' });

    expect(rulesOf(chart, 'testaaa')).toEqual([{ route: [{ destination: at('testaaa', 'release') }], mirror: at('testaaa', 'v2') }]);
    expect(schemaProblems(chart.toJson())).toEqual([]);
    expect(() => app.synthYaml()).not.toThrow();
  });

  test('all the props', () => {
    const { app, chart, testaaa, sniffer } = shop();
    testaaa.sendTo('v2', api);
    new StainedRoute(chart, 'lanes').addLane('l1').serve(testaaa);
    const said: Required<MirrorTargetProps> = { from: testaaa, fromVersion: 'release', to: sniffer, toVersion: 'release', percentage: 12.5, mirrorLanes: true };
    new MirrorTarget(chart, 'mirror', said);

    const rules = rulesOf(chart, 'testaaa');
    expect(rules.find((rule) => rule.name === undefined && !rule.match)).toEqual({
      route: [{ destination: at('testaaa', 'release') }], mirror: at('sniffer', 'release'), mirrorPercentage: { value: 12.5 },
    });
    expect(rules[rules.length - 2]).toMatchObject({ name: 'lane/l1', mirror: at('sniffer', 'release'), mirrorPercentage: { value: 12.5 } });
    expect(schemaProblems(chart.toJson())).toEqual([]);
    expect(() => app.synthYaml()).not.toThrow();
  });

  test('to any pod of a service without versions, or of one that others deploy', () => {
    const { chart, testaaa } = shop();
    const plain = new CanaryService(chart, 'plain', { port: 80, baseline: { image: 'sniffer:v1' } });
    new MirrorTarget(chart, 'one', { from: testaaa, to: plain });

    expect(rulesOf(chart, 'testaaa')[0].mirror).toEqual(at('plain'));
  });

  test('to a host that the app does not own', () => {
    const { app, chart, mirror } = shop();
    mirror({ to: { hostName: 'sniffer.ops.svc.cluster.local' }, toVersion: 'v7' });

    expect(rulesOf(chart, 'testaaa')[0].mirror).toEqual({ host: 'sniffer.ops.svc.cluster.local', subset: 'v7' });
    expect(() => app.synthYaml()).not.toThrow();
  });

  test('from a host that somebody else deploys', () => {
    const chart = chartOf();
    const [from, to] = ['legacy', 'sniffer'].map((name) => new MeshHost(chart, name, { name }));
    new MirrorTarget(chart, 'mirror', { from, to });

    expect(rulesOf(chart, 'legacy')).toEqual([{ route: [{ destination: { host: from.hostName } }], mirror: { host: to.hostName } }]);
  });

  test.each([100, undefined])('of all requests is written without percentage (%s)', (percentage) => {
    const { chart, mirror } = shop();
    mirror({ percentage });

    expect(rulesOf(chart, 'testaaa')[0]).not.toHaveProperty('mirrorPercentage');
  });

  test.each([0.0001, 50, 99.9])('of %d per cent', (percentage) => {
    const { chart, mirror } = shop();
    mirror({ percentage });

    expect(rulesOf(chart, 'testaaa')[0].mirrorPercentage).toEqual({ value: percentage });
  });

  test('holds for every rule that routes to the host, in the mesh and at gateways, but for redirects', () => {
    const { chart, testaaa, sniffer, mirror } = shop();
    testaaa.sendTo('v2', api);
    testaaa.host.addRule(RouteRule.redirect({ uri: '/new' }, { match: [RequestMatch.pathPrefix('/old')] }));
    sniffer.host.addRule(RouteRule.to([Destination.of(testaaa, { version: 'v2' })], { match: api }));
    new MeshGateway(chart, 'gateway', { hosts: ['*'], staining: Staining.open() }).route(testaaa);
    mirror({ toVersion: 'release' });

    for (const name of ['testaaa', 'gateway-any-host']) {
      expect(rulesOf(chart, name).map((rule) => rule.mirror)).toEqual([at('sniffer', 'release'), undefined, at('sniffer', 'release')]);
    }
    expect(rulesOf(chart, 'sniffer').map((rule) => rule.mirror)).toEqual([at('sniffer', 'release'), undefined]);
  });

  test('emits no object of its own', () => {
    const { chart, mirror } = shop();
    const before = inventory(chart);
    mirror({});

    expect(inventory(chart)).toEqual(before);
  });

  test('leaves out the rules that go to its version already', () => {
    const { chart, testaaa, mirror } = shop();
    testaaa.sendTo('v2', api);
    mirror({ to: testaaa, toVersion: 'v2' });

    expect(rulesOf(chart, 'testaaa').map((rule) => rule.mirror)).toEqual([undefined, at('testaaa', 'v2')]);
  });
});

describe('several mirrors', () => {
  test('stand in one list, each with its own percentage', () => {
    const { app, chart, testaaa, mirror } = shop();
    mirror({ to: testaaa, toVersion: 'v2' });
    mirror({ toVersion: 'release', percentage: 10 });

    expect(mirrorsOf(rulesOf(chart, 'testaaa'))).toEqual([{
      mirrors: [{ destination: at('testaaa', 'v2') }, { destination: at('sniffer', 'release'), percentage: { value: 10 } }],
    }]);
    expect(schemaProblems(chart.toJson())).toEqual([]);
    expect(() => app.synthYaml()).not.toThrow();
  });

  test('of which one applies to a rule are one there', () => {
    const { chart, testaaa, mirror } = shop();
    testaaa.sendTo('v2', api);
    mirror({ to: testaaa, toVersion: 'v2' });
    mirror({ toVersion: 'release', percentage: 10 });

    expect(mirrorsOf(rulesOf(chart, 'testaaa'))[0]).toEqual({ mirror: at('sniffer', 'release'), mirrorPercentage: { value: 10 } });
  });
});

describe('of one version', () => {
  test('only the rules to that version are mirrored', () => {
    const { chart, testaaa, mirror } = shop();
    testaaa.sendTo('v2', api);
    mirror({ fromVersion: 'v2' });

    expect(rulesOf(chart, 'testaaa').map((rule) => rule.mirror !== undefined)).toEqual([true, false]);
  });

  test('a split between it and others is refused at synth: a mirror copies all requests of a rule', () => {
    const { app, testaaa, mirror } = shop();
    testaaa.split({ release: 9, v2: 1 });
    mirror({ fromVersion: 'v2' });

    expect(() => app.synthYaml()).toThrow(/\[shop\/testaaa\/host\/VirtualService\/Resource\] 'fromVersion' cannot be v2 alone where a rule splits testaaa\.\S+ .*mirror the host, or split the rule/);
  });

  test('but not a split that sends nothing to the others', () => {
    const { app, chart, testaaa, mirror } = shop();
    testaaa.split({ release: 0, v2: 1 });
    mirror({ fromVersion: 'v2' });

    expect(() => app.synthYaml()).not.toThrow();
    expect(rulesOf(chart, 'testaaa')[0].mirror).toBeDefined();
  });
});

describe('lanes', () => {
  function laned() {
    const made = shop();
    const lane = new StainedRoute(made.chart, 'lanes').addLane('l1');
    lane.serve(made.testaaa);
    return { ...made, lane };
  }

  test('are not mirrored', () => {
    const { chart, mirror } = laned();
    mirror({});

    expect(rulesOf(chart, 'testaaa').map(({ name, mirror: target }) => [name, target !== undefined])).toEqual([['lane/l1', false], [undefined, true]]);
  });

  test('are mirrored when asked for, the baseline too, in the mesh and at gateways', () => {
    const { chart, testaaa, mirror } = laned();
    new MeshGateway(chart, 'gateway', { hosts: ['*'], staining: Staining.open() }).route(testaaa);
    mirror({ toVersion: 'release', percentage: 10, mirrorLanes: true });

    for (const name of ['testaaa', 'gateway-any-host']) {
      expect(rulesOf(chart, name).map((rule) => [rule.name, rule.mirror, rule.mirrorPercentage])).toEqual([
        ['lane/l1', at('sniffer', 'release'), { value: 10 }], [undefined, at('sniffer', 'release'), { value: 10 }],
      ]);
    }
    expect(schemaProblems(chart.toJson())).toEqual([]);
  });

  test('of several mirrors have those that ask for it', () => {
    const { chart, testaaa, mirror } = laned();
    mirror({ to: testaaa, toVersion: 'v2' });
    mirror({ toVersion: 'release', mirrorLanes: true });

    const [lane, baseline] = mirrorsOf(rulesOf(chart, 'testaaa'));
    expect(lane).toEqual({ mirror: at('sniffer', 'release') });
    expect(baseline.mirrors).toHaveLength(2);
  });

  test('of two mirrors of two versions to one place have the one that asks for it, where its version is the baseline\'s', () => {
    const { chart, testaaa, mirror } = laned();
    testaaa.sendTo('v2', [RequestMatch.pathPrefix('/new')]);
    mirror({ toVersion: 'release', fromVersion: 'v2' });
    mirror({ toVersion: 'release', fromVersion: 'release', mirrorLanes: true, percentage: 10 });

    expect(rulesOf(chart, 'testaaa').map(({ match, mirror: target, mirrorPercentage }) => [match?.[0].uri?.prefix, target?.subset, mirrorPercentage?.value])).toEqual([
      ['/new', undefined, undefined], ['/new', 'release', undefined], [undefined, 'release', 10], [undefined, 'release', 10],
    ]);
  });

  test('can be what is mirrored to', () => {
    const { app, chart, testaaa, mirror } = laned();
    mirror({ to: testaaa, toVersion: 'l1' });

    expect(rulesOf(chart, 'testaaa').map(({ name, mirror: target }) => [name, target])).toEqual([['lane/l1', undefined], [undefined, at('testaaa', 'l1')]]);
    expect(() => app.synthYaml()).not.toThrow();
  });

  test('do not meet their own requests twice: a mirror to a lane is not for that lane\'s requests', () => {
    const { chart, testaaa, mirror } = laned();
    mirror({ to: testaaa, toVersion: 'l1', mirrorLanes: true });

    expect(rulesOf(chart, 'testaaa').map(({ name, mirror: target }) => [name, target])).toEqual([['lane/l1', undefined], [undefined, at('testaaa', 'l1')]]);
  });

  test('have their requests copied where the baseline\'s would be, and nowhere else', () => {
    const { chart, testaaa, mirror } = laned();
    testaaa.sendTo('v2', api);
    mirror({ toVersion: 'release', fromVersion: 'v2', mirrorLanes: true });

    expect(rulesOf(chart, 'testaaa').map(({ name, match, mirror: target }) => [name, match?.[0].uri !== undefined, target !== undefined])).toEqual([
      ['lane/l1', true, true], [undefined, true, true], ['lane/l1', false, false], [undefined, false, false],
    ]);
  });

  test('make a mirror to any pod of a host a case for a warning, as it reaches the pods of lanes', () => {
    const { app, chart, testaaa, sniffer, mirror } = laned();
    (chart.node.findChild('lanes') as StainedRoute).addLane('l2').serve(sniffer);
    mirror({});
    app.synthYaml();

    expect(rulesOf(chart, 'testaaa').some(({ mirror: target }) => target)).toBe(true);
    expect(Warnings.of(chart).all).toContainEqual(expect.objectContaining({ code: 'MirrorNotPinned', path: testaaa.host.virtualService.node.path }));
  });
});

describe('refused is', () => {
  test('a host that the app does not own', () => {
    expectRefusal(() => shop().mirror({ from: { hostName: 'legacy.old.svc.cluster.local' } }), {
      code: 'HostNotOwned', property: 'from', path: 'shop/mirror-1', says: /got legacy\.old\.svc\.cluster\.local; make a MeshHost/,
    });
  });

  test.each([0, 0.00001, 101, -1, 100.5, Number.NaN])('%d per cent', (percentage) => {
    expectRefusal(() => shop().mirror({ percentage }), { code: 'Percentage', property: 'percentage', got: percentage, path: 'shop/mirror-1', says: /must be (more than 0|0, or from 0\.0001 to 100)/ });
  });

  test('a mirror to the very same host and version', () => {
    const { testaaa, mirror } = shop();

    expectRefusal(() => mirror({ fromVersion: 'v2', to: testaaa, toVersion: 'v2' }), {
      code: 'MirrorToItself', property: 'to', path: 'shop/mirror-1', says: /testaaa\.shop\.svc\.cluster\.local version v2; name another version or host/,
    });
    expectRefusal(() => mirror({ to: testaaa }), { code: 'MirrorToItself', property: 'to', path: 'shop/mirror-2', says: /name another version or host/ });
    expectRefusal(() => mirror({ fromVersion: 'v2', to: testaaa }), { code: 'MirrorToItself', property: 'to', path: 'shop/mirror-3', says: /name another version or host/ });
  });

  test('the same, said of the whole host, whose requests all go to that version', () => {
    const { app, testaaa, mirror } = shop();

    // Nothing is copied then, so it must not pass unnoticed.
    expect(() => {
      mirror({ to: testaaa, toVersion: 'release' });
      app.synthYaml();
      if (Warnings.of(app).all.length > 0) throw new Error(Warnings.of(app).all[0].message);
    }).toThrow(/release/);
  });

  test('an unknown version to mirror to, at synth at the latest', () => {
    const { app, testaaa, mirror } = shop();

    expect(() => {
      mirror({ to: testaaa, toVersion: 'v9' });
      app.synthYaml();
    }).toThrow(/\[shop\/[^\]]+\] 'toVersion' must be a version of testaaa\.shop\.svc\.cluster\.local, got "v9" \(known: release, v2\); add that version/);
  });

  test('an unknown version to mirror from: nothing would be copied', () => {
    const { app, mirror } = shop();

    expect(() => {
      mirror({ fromVersion: 'v9' });
      app.synthYaml();
    }).toThrow(/'fromVersion' must be a version of testaaa\.shop\.svc\.cluster\.local, got "v9".*known: release, v2/);
  });

  test('a version that can be none', () => {
    expect(() => shop().mirror({ to: { hostName: 'sniffer.ops.svc.cluster.local' }, toVersion: 'V 2' })).toThrow(/'version' must be a DNS label.*"V 2"/);
  });

  test('a host that speaks TCP', () => {
    const { chart, sniffer } = shop();
    const from = new CanaryService(chart, 'db', { port: 1, appProtocol: AppProtocol.TCP, baseline: { version: 'release', image: 'a' } });

    expectRefusal(() => new MirrorTarget(chart, 'mirror', { from, to: sniffer }), { code: 'ProtocolNotHttp', property: 'host', path: 'shop/mirror', says: /HTTP protocol/ });
  });

  test('at synth, a rule that routes to another host too, whose requests would be copied', () => {
    const { app, testaaa, sniffer, mirror } = shop();
    testaaa.host.routeDefault([Destination.of(testaaa, { version: 'release' }), Destination.of(sniffer, { version: 'release' })]);
    mirror({ to: testaaa, toVersion: 'v2' });

    expect(() => app.synthYaml()).toThrow(/\[shop\/testaaa\/host\/VirtualService\/Resource\] 'mirror' is said of one of testaaa\.\S+ and sniffer\.\S+.*split the rule/);
  });
});
