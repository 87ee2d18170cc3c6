import { expect, test } from 'vitest';
import type { Manifest, Package } from '../../tools/release/packages.mjs';
import { releasedChangelog } from '../../tools/release/changelog.mjs';
import { problemsOf } from '../../tools/release/problems.mjs';

const files = ['LICENSE', 'README.md', 'package.json', 'dist/index.js', 'dist/index.d.ts', 'dist/bin.js', 'dist/a.lua'];

const core: Package = {
  folder: 'packages/core',
  manifest: {
    name: '@spillway/core',
    version: '0.2.0',
    license: 'MIT',
    engines: { node: '>=22.17' },
    publishConfig: { access: 'public', provenance: true },
    exports: { '.': { types: './dist/index.d.ts', default: './dist/index.js' }, './package.json': './package.json' },
    bin: { spillway: './dist/bin.js' },
    peerDependencies: { ioredis: '^5.4.0 || ^6.0.0' },
    devDependencies: { ioredis: '^6.0.0' },
  },
  files,
  scripts: ['a.lua'],
};

const nestjs = packageOf({
  name: '@spillway/nestjs',
  peerDependencies: { '@spillway/core': '^0.2.0', ioredis: '^5.4.0 || ^6.0.0' },
});

function packageOf(manifest: Partial<Manifest>, rest: Partial<Package> = {}): Package {
  return { ...core, folder: 'packages/other', manifest: { ...core.manifest, ...manifest }, ...rest };
}

/** The one thing that is wrong with a package beside the core. */
function problemOf(other: Package): string {
  const problems = problemsOf([core, other], '0.2.0');
  expect(problems).toHaveLength(1);
  return problems[0] ?? '';
}

test('nothing is wrong with packages that have what they need', () => {
  expect(problemsOf([core, nestjs], '0.2.0')).toEqual([]);
});

test.each<[string, Partial<Manifest>, string]>([
  ['another version', { version: '0.1.0' }, 'packages/other has version 0.1.0, and lerna.json 0.2.0: all packages'],
  ['another licence', { license: 'ISC' }, 'packages/other has the licence ISC: "license" has to be MIT.'],
  ['no Node', { engines: {} }, 'packages/other does not say on which Node it runs: add "engines".'],
  ['members only', { publishConfig: { provenance: true } }, '"publishConfig.access" has to be "public".'],
  ['no provenance', { publishConfig: { access: 'public' } }, '"publishConfig.provenance" has to be true.'],
  [
    'a peer that is not tested',
    { devDependencies: { ioredis: '^7.0.0' } },
    'which its peer range ^5.4.0 || ^6.0.0 does',
  ],
  [
    'another range of a peer',
    { peerDependencies: { ioredis: '^6.0.0' } },
    'and packages/core ^5.4.0 || ^6.0.0: use one',
  ],
  ['an older core', { dependencies: { '@spillway/core': '^0.1.0' } }, 'packages of one release allow ^0.2.0.'],
])('%s is refused with the remedy', (_, manifest, text) => {
  expect(problemOf(packageOf(manifest))).toContain(text);
});

test.each(['LICENSE', 'README.md', 'dist/index.d.ts', 'dist/bin.js', 'dist/a.lua'])(
  'a tarball without %s is refused',
  (file) => {
    const left = files.filter((each) => each !== file);
    expect(problemOf(packageOf({}, { files: left }))).toContain(`The tarball of packages/other lacks ${file}: add it`);
  },
);

test.each(['src/index.ts', 'dist-test/index.test.js', 'dist/tsconfig.tsbuildinfo'])(
  'a tarball that holds %s is refused',
  (file) => {
    const problem = problemOf(packageOf({}, { files: [...files, file] }));
    expect(problem).toBe(`The tarball of packages/other holds ${file}: leave it out by "files".`);
  },
);

test('what was unreleased stands below the version, and the next changes have a place', () => {
  const text = '# Changes\n\n## Unreleased\n\n### Added\n\n- A door.\n\n## 0.1.0 - 2026-01-02\n';
  expect(releasedChangelog(text, '0.2.0', '2026-03-04')).toBe(
    '# Changes\n\n## Unreleased\n\n## 0.2.0 - 2026-03-04\n\n### Added\n\n- A door.\n\n## 0.1.0 - 2026-01-02\n',
  );
});

test('a release that says nothing of its changes is refused', () => {
  expect(() => releasedChangelog('# Changes\n\n## 0.1.0 - 2026-01-02\n', '0.2.0', '2026-03-04')).toThrow(
    'CHANGELOG.md has no heading "## Unreleased": write what the release changes below it.',
  );
  const empty = '# Changes\n\n## Unreleased\n\n## 0.1.0 - 2026-01-02\n\n- A door.\n';
  expect(() => releasedChangelog(empty, '0.2.0', '2026-03-04')).toThrow('CHANGELOG.md has nothing below');
});
