/** What keeps packages from being published together, as pure decisions. */
import semver from 'semver';

/** @typedef {import('./packages.mjs').Package} Package */
/** @typedef {import('./packages.mjs').Ranges} Ranges */

/**
 * Texts for people: what is wrong, where, and what to do. Nothing is wrong if there is none.
 *
 * @param {readonly Package[]} packages
 * @param {string} version the one that all packages have
 * @returns {string[]}
 */
export function problemsOf(packages, version) {
  return [
    ...packages.flatMap((each) => [
      ...problemsOfManifest(each, version),
      ...problemsOfFiles(each),
      ...problemsOfPeers(each),
    ]),
    ...problemsOfRanges(packages, version),
  ];
}

/**
 * @param {Package} each
 * @param {string} version
 * @returns {string[]}
 */
function problemsOfManifest({ folder, manifest }, version) {
  const { license, engines, publishConfig, version: own } = manifest;
  const problems = [];
  if (own !== version)
    problems.push(`${folder} has version ${own}, and lerna.json ${version}: all packages have one version.`);
  if (license !== 'MIT') problems.push(`${folder} has the licence ${license}: "license" has to be MIT.`);
  if (engines?.node === undefined) problems.push(`${folder} does not say on which Node it runs: add "engines".`);
  if (publishConfig?.access !== 'public')
    problems.push(`${folder} would be published for members only: "publishConfig.access" has to be "public".`);
  if (publishConfig?.provenance !== true)
    problems.push(`${folder} would be published without provenance: "publishConfig.provenance" has to be true.`);
  return problems;
}

/**
 * @param {Package} each
 * @returns {string[]}
 */
function problemsOfFiles({ folder, manifest, files, scripts }) {
  const held = new Set(files);
  const wanted = [
    'LICENSE',
    'README.md',
    'package.json',
    ...targetsOf(manifest),
    ...scripts.map((script) => `dist/${script}`),
  ];
  const missing = wanted.filter((file) => !held.has(file));
  const strangers = files.filter((file) => /^(?:src|test|dist-test)\/|\.test\.|\.tsbuildinfo$/.test(file));
  return [
    ...missing.map((file) => `The tarball of ${folder} lacks ${file}: add it, or run npm run build.`),
    ...strangers.map((file) => `The tarball of ${folder} holds ${file}: leave it out by "files".`),
  ];
}

/**
 * The files that `exports` and `bin` name.
 *
 * @param {import('./packages.mjs').Manifest} manifest
 * @returns {string[]}
 */
function targetsOf({ exports = {}, bin = {} }) {
  const targets = Object.values(exports).flatMap((target) =>
    typeof target === 'string' ? [target] : Object.values(target),
  );
  return [...targets, ...Object.values(bin)].filter((file) => !file.includes('*')).map((file) => file.slice(2));
}

/**
 * A peer is tested in a version that the package allows.
 *
 * @param {Package} each
 * @returns {string[]}
 */
function problemsOfPeers({ folder, manifest: { peerDependencies = {}, devDependencies = {} } }) {
  return Object.entries(peerDependencies).flatMap(([name, range]) => {
    const tested = devDependencies[name];
    if (tested === undefined || tested === '*') return [];
    return semver.subset(tested, range)
      ? []
      : [
          `${folder} is tested with ${name} ${tested}, which its peer range ${range} does not allow: change one of them.`,
        ];
  });
}

/**
 * An application installs several of these packages, so their peer ranges of one package are the same. They name each
 * other by `^` and the version.
 *
 * @param {readonly Package[]} packages
 * @param {string} version
 * @returns {string[]}
 */
function problemsOfRanges(packages, version) {
  const own = new Set(packages.map(({ manifest }) => manifest.name));
  const first = /** @type {Map<string, { folder: string, range: string }>} */ (new Map());
  return packages.flatMap(({ folder, manifest: { dependencies = {}, peerDependencies = {} } }) => {
    const problems = [];
    for (const [name, range] of Object.entries({ ...dependencies, ...peerDependencies })) {
      if (own.has(name) && range !== `^${version}`)
        problems.push(`${folder} allows ${name} ${range}: packages of one release allow ^${version}.`);
    }
    for (const [name, range] of Object.entries(peerDependencies)) {
      const other = first.get(name);
      first.set(name, other ?? { folder, range });
      if (other !== undefined && other.range !== range)
        problems.push(`${folder} allows ${name} ${range}, and ${other.folder} ${other.range}: use one range.`);
    }
    return problems;
  });
}
