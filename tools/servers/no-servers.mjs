/** There is no server to use on this machine, and none could be installed or started in a container. */
export class NoServers extends Error {
  /**
   * @param {string} missing in a few words, for a run that can do without
   * @param {string} message with what to do, for a run that cannot
   * @param {ErrorOptions} [options]
   */
  constructor(missing, message, options) {
    super(message, options);
    this.missing = missing;
  }
}
