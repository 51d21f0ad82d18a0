import { SweepManifestOptions, sweepManifests } from '../../src/cluster/sweep-manifest';
import { expectRefusal, Refusal } from '../support/refusals';

const OPTIONS: SweepManifestOptions = { image: 'registry.example.com:5000/tools/lanes:1', namespace: 'ops', namespaces: ['shop'], schedule: '17 * * * *' };

test.each<[string, Partial<SweepManifestOptions>]>([
  ['the shortest image', { image: 'lanes' }],
  ['an image by its digest', { image: `ghcr.io/shop/lanes__x:v1@sha256:${'0'.repeat(64)}` }],
  ['all namespaces', { namespaces: [] }],
  ['a word of cron\'s', { schedule: '@daily' }],
])('%s can be said', (_, options) => {
  expect(sweepManifests({ ...OPTIONS, ...options }).at(-1)).toMatchObject({ kind: 'CronJob', spec: { schedule: options.schedule ?? OPTIONS.schedule } });
});

test.each<[string, Partial<SweepManifestOptions>, Refusal]>([
  ['an image with a blank', { image: 'x y' }, { code: 'SweepImage', property: '--image', got: 'x y', says: /registry\.example\.com\/lanes:1/ }],
  ['an image in capitals', { image: 'Lanes:1' }, { code: 'SweepImage', property: '--image', got: 'Lanes:1', says: /image/ }],
  ['a place that is no namespace', { namespace: 'Bad NS' }, { code: 'Namespace', property: '--cronjob-namespace', got: 'Bad NS', says: /lower-case/ }],
  ['a namespace that is none', { namespaces: ['shop', ''] }, { code: 'Namespace', property: '--namespace', got: '', says: /lower-case/ }],
  ['a schedule that is none', { schedule: 'nonsense' }, { code: 'SweepSchedule', property: '--schedule', got: 'nonsense', says: /five fields/ }],
  ['a time that is none', { schedule: '99 99 * * *' }, { code: 'SweepSchedule', property: '--schedule', got: '99 99 * * *', says: /minute of 0 to 59/ }],
])('%s is refused', (_, options, refusal) => {
  expectRefusal(() => sweepManifests({ ...OPTIONS, ...options }), refusal);
});
