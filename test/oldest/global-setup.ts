import { ensureInstalled } from '../../tools/bootstrap/install.mjs';
import startSharedServers from '../support/global-setup.js';
import { folder } from './resolve.js';

/**
 * Installs the oldest MikroORM beside the one of the repository, once, then starts the servers as for every other
 * project.
 */
export default async function setUp(): Promise<() => Promise<void>> {
  await ensureInstalled(folder);
  return startSharedServers();
}
