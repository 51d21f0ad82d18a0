import { cdk8s, javascript } from 'projen';

/**
 * The oldest peers we promise to work with: development and `npm test` run on exactly these, the consumer test of
 * `.ci/run` on the newest. They are peers, never dependencies: a second copy of cdk8s cannot resolve our Lazy values.
 */
const PEERS = { cdk8s: '2.68.91', constructs: '10.3.0', plus: '2.9.5' };

const project = new cdk8s.ConstructLibraryCdk8s({
  name: 'cdk8s-lanes',
  description: 'Many branches in one shared Kubernetes and Istio environment: typed cdk8s constructs for lanes (traffic staining), canaries, resilience and mirroring',
  keywords: ['cdk8s', 'istio', 'kubernetes', 'envoy', 'service-mesh', 'canary', 'preview-environments', 'traffic-staining'],
  author: 'cdk8s-lanes contributors',
  authorOrganization: true,
  authorAddress: 'https://github.com/cdk8s-lanes',
  repositoryUrl: 'https://github.com/cdk8s-lanes/cdk8s-lanes.git',
  license: 'Apache-2.0',
  stability: 'experimental',
  defaultReleaseBranch: 'main',
  packageManager: javascript.NodePackageManager.NPM,
  minNodeVersion: '20.0.0',
  projenrcJs: false, // the default task below runs this file with tsx, without a tsconfig.json of its own
  projenVersion: '~0.103.25',
  github: false,
  release: false,
  depsUpgrade: false,
  sampleCode: false,
  integrationTestAutoDiscover: false,
  buildWorkflow: false,

  // TypeScript 7 has no JavaScript API: neither jsii nor ts-jest can load it.
  jsiiVersion: '~5.9.0',
  typescriptVersion: '~5.9.0',

  cdk8sVersion: PEERS.cdk8s,
  constructsVersion: PEERS.constructs,
  peerDeps: [`cdk8s-plus-27@^${PEERS.plus}`],
  devDeps: [
    '@types/luaparse@^0.2.13',
    '@types/node@^20',
    '@actions/expressions@^0.3.61', // GitHub's own evaluator of expressions
    '@actions/workflow-parser@^0.3.61', // GitHub's own reader of workflows
    'ajv@^8.20.0',
    'cdk8s-cli@^2.207.60',
    'esbuild@^0.28.2',
    `cdk8s-plus-27@${PEERS.plus}`,
    'fast-check@^4.10.2',
    'fengari@^0.1.5', // runs generated Lua; luaparse knows that it is 5.1's
    'gitlab-ci-local@4.75.1', // reads pipelines as GitLab does, its schema inside
    'jest@^30',
    'kubernetes-models@4.5.1', // the last for CommonJS; carries the schemas of Kubernetes' own kinds
    'luaparse@^0.3.1',
    'tsx@^4.23.15',
  ],
  bundledDeps: ['commander@^14.0.3', 'fastest-levenshtein@^1.0.16', 'js-yaml@^5.5.0', 're2js@^2.10.0', 'yaml@^2.9.1'],

  // src/ and a top-level imports/ compile side by side, into lib/src and lib/imports.
  entrypoint: 'lib/src/index.js',
  bin: { 'cdk8s-lanes': 'lib/src/cli/cdk8s-lanes.js' },
  docgenFilePath: 'docs/API.md',
  tsconfig: {
    compilerOptions: { rootDir: '.', types: ['node'] },
    include: ['imports/**/*.ts'],
  },
  tsconfigDev: {
    compilerOptions: {
      types: ['jest', 'node'],
      paths: { 'cdk8s-lanes': ['../src/index.ts'], 'cdk8s-lanes/testing': ['../src/testing/index.ts'], 'cdk8s-lanes/imports/*': ['../imports/*.ts'] },
    },
    include: ['../src/**/*.ts', '../imports/**/*.ts', '../examples/**/*.ts', '../.projenrc.ts'],
    exclude: ['../examples/*/node_modules'],
  },
  jestOptions: {
    junitReporting: false,
    passWithNoTests: false,
    updateSnapshot: javascript.UpdateSnapshot.NEVER,
    jestConfig: {
      collectCoverage: false,
      setupFiles: ['<rootDir>/test/support/property-seed.ts'],
      testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/mesh/', '<rootDir>/test/cluster/', '\\.(mesh|cluster)\\.test\\.ts$'],
      moduleNameMapper: {
        '^cdk8s-lanes$': '<rootDir>/src',
        '^cdk8s-lanes/testing$': '<rootDir>/src/testing',
        '^cdk8s-lanes/imports/(.*)$': '<rootDir>/imports/$1',
      },
    },
  },
  eslintOptions: {
    dirs: ['src'],
    devdirs: ['test', 'examples'],
    commandOptions: { fix: false },
    ignorePatterns: ['*.js', '*.d.ts', 'node_modules/', 'imports/', 'lib/'],
  },
  gitignore: ['/examples/*/dist/', '*.tgz', '.DS_Store'],
});

project.defaultTask?.exec('tsx .projenrc.ts');
project.jest!.config.testMatch = ['<rootDir>/@(test|examples)/**/*.test.ts'];
project.package.addField('types', 'lib/src/index.d.ts');
project.package.addField('exports', {
  '.': { types: './lib/src/index.d.ts', default: './lib/src/index.js' },
  './testing': { types: './lib/src/testing/index.d.ts', default: './lib/src/testing/index.js' },
  './simulate': { types: './lib/src/simulate/index.d.ts', default: './lib/src/simulate/index.js' },
  './imports/*': { types: './lib/imports/*.d.ts', default: './lib/imports/*.js' },
  './package.json': './package.json',
  './.jsii': './.jsii',
  './.warnings.jsii.js': './.warnings.jsii.js',
});
// Examples import the package by its name, which test/tsconfig.json maps to src/ without a compile.
project.eslint!.config.settings['import/resolver'].typescript.project = './test/tsconfig.json';
// 1.13.0 was published without the binaries of all platforms, and a lock file that lacks some is refused by `npm ci`.
project.package.addField('overrides', { 'unrs-resolver': '1.12.2' });
for (const left of ['/.ci/', '/.projenrc.ts', '/docs/', '/examples/', '/imports/', 'dist/', '*.tgz']) project.addPackageIgnore(left);
project.gitattributes.addAttributes('/imports/*', 'linguist-generated');
project.gitattributes.addAttributes('*.snap', 'linguist-generated');
project.gitattributes.addAttributes('/test/simulate/corpus/*', 'binary', 'linguist-generated');

// `npm test` needs Node alone; the real mesh and the real API server have tasks of their own.
project.addTask('demo', {
  description: 'Synthesizes examples/branch-environments and prints which version serves whom',
  steps: [
    { exec: 'cdk8s synth --no-check-upgrade', cwd: 'examples/branch-environments' },
    { exec: 'echo "\nThe manifests are in examples/branch-environments/dist/. Which version serves whom:\n"' },
    { exec: 'tsx src/cli/cdk8s-lanes.ts matrix examples/branch-environments/dist' },
  ],
});
project.addTask('bench', {
  description: 'Measures synthesis, in paired runs',
  exec: 'tsx test/bench/bench.ts',
  receiveArgs: true,
});
project.addTask('bench:mesh', {
  description: 'Measures the real mesh of the tests',
  exec: 'tsx test/bench/mesh.ts',
});
project.addTask('test:consumer', {
  description: 'Installs the packed library in an empty folder with fresh peers and synthesizes a small app with it',
  exec: 'node test/consumer/consumer.mjs',
  receiveArgs: true,
});
project.addTask('imports', {
  description: 'Regenerates imports/ from the CRDs of the istio.io/api that test/mesh/runner/go.mod asks for',
  exec: 'node imports/regenerate.mjs',
});
project.addTask('test:mesh', {
  description: 'Runs everything that the real mesh judges: needs Go and Python; builds once, about 9 minutes',
  steps: [
    { exec: 'node test/mesh/build.mjs' },
    { exec: 'jest --ci -c test/mesh/jest.config.json', receiveArgs: true },
  ],
});
project.addTask('test:cluster', {
  description: 'Runs the command line against a real API server: needs Go and Python; builds once, about 5 minutes',
  steps: [
    { exec: 'node test/cluster/build.mjs' },
    { exec: 'jest --ci -c test/cluster/jest.config.json', receiveArgs: true },
  ],
});
project.addTask('record:corpus', {
  description: 'Asks istiod and Envoy anew what the simulator is held to (test/simulate/corpus); needs what test:mesh needs, takes about 15 minutes',
  steps: [
    { exec: 'node test/mesh/build.mjs' },
    { exec: 'tsx --tsconfig test/tsconfig.json test/differential/record-corpus.ts' },
  ],
});
project.addTask('corpus', {
  description: 'Prints what is in test/simulate/corpus, for people',
  exec: 'tsx --tsconfig test/tsconfig.json test/differential/show-corpus.ts',
  receiveArgs: true,
});
project.addTask('typecheck', {
  description: 'Type-checks the library, its tests and its examples together',
  exec: 'tsc --noEmit -p test/tsconfig.json',
});

project.synth();
