/** The list of changes at a release, as a pure decision. */

const UNRELEASED = '## Unreleased';

/**
 * `CHANGELOG.md` with what was unreleased below the version, and an empty "Unreleased" before it.
 *
 * @param {string} text
 * @param {string} version
 * @param {string} day as `2026-12-31`
 * @returns {string}
 */
export function releasedChangelog(text, version, day) {
  const at = text.indexOf(`${UNRELEASED}\n`);
  if (at === -1)
    throw new Error(`CHANGELOG.md has no heading "${UNRELEASED}": write what the release changes below it.`);
  const rest = text.slice(at + UNRELEASED.length);
  if (!/^\s*(?!## )\S/.test(rest))
    throw new Error(`CHANGELOG.md has nothing below "${UNRELEASED}": write what the release changes.`);
  return `${text.slice(0, at)}${UNRELEASED}\n\n## ${version} - ${day}${rest}`;
}
