import { installWithApt } from '../../tools/servers/apt.mjs';
import { canUseApt, findChromium } from '../../tools/servers/find.mjs';

/**
 * The path of a Chromium for tests in a browser. It is installed with apt if it is missing and that can be done without
 * a question.
 */
export function chromium(): string {
  const found = findChromium(process.env);
  if (found !== undefined) return found;
  if (process.env['SPILLWAY_CHROMIUM'] === undefined && canUseApt(process.env)) installWithApt(['chromium']);
  const installed = findChromium(process.env);
  if (installed !== undefined) return installed;
  throw new Error(
    'No Chromium was found for the tests in a browser. Install it (Debian: sudo apt-get install chromium), or let ' +
      'SPILLWAY_CHROMIUM name the program.',
  );
}
