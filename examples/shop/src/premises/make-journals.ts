import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { ShopKind } from '../shop/kind.js';

/** Makes the folder for the journals of one shop. */
export function makeJournals(folder: string, kind: ShopKind): string {
  const journals = path.join(folder, kind);
  mkdirSync(journals);
  return journals;
}
