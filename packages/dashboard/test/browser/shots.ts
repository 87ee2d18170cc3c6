import { mkdirSync } from 'node:fs';
import type { Page } from 'puppeteer-core';

/** Where pictures go, for a person to look at; without it, none are taken. */
const folder = process.env['SPILLWAY_SHOTS'];

/** Takes a picture on a desk in light and dark, and on a phone. */
export async function shot(page: Page, name: string): Promise<void> {
  if (folder === undefined) return;
  mkdirSync(folder, { recursive: true });
  for (const [kind, width, scheme] of [
    ['light', 1_280, 'light'],
    ['dark', 1_280, 'dark'],
    ['phone', 390, 'light'],
  ] as const) {
    await page.setViewport({ width, height: 900 });
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
    await page.screenshot({ path: `${folder}/${name}-${kind}.png`, fullPage: true });
  }
  await page.setViewport({ width: 1_280, height: 900 });
}
