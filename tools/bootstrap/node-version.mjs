/** The oldest Node that the bootstrap runs on. The scripts behind it bring their own. */
const oldest = 20;

/**
 * @param {string} version as in `process.versions.node`
 * @returns {string | undefined} what to say to somebody whose Node is too old
 */
export function explainOldNode(version) {
  if (Number(version.split('.')[0]) >= oldest) return undefined;
  return `This is Node ${version}, and Spillway needs Node ${oldest} or newer to set itself up. Install it from https://nodejs.org, and run the command again.`;
}
