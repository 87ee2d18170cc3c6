import { chromium } from '@spillway/test-support';
import startSharedServers from '../../../../test/support/global-setup.js';

/** Finds the browser, or installs it, before the first file asks for it. */
export default async function setup(): Promise<() => Promise<void>> {
  chromium();
  return startSharedServers();
}
