import { expect, test } from 'vitest';
import { CONFLICT, emptyRecord, type StagedRecord } from '../../../src/change/record.js';
import { isOutdated } from '../../../src/cache/copy-age.js';
import type { Pending } from '../../../src/staging/look-side.js';

const upon = (base: string): StagedRecord => ({ ...emptyRecord(), base, version: '9' });
const flying = (base: string): NonNullable<Pending['inFlight']> => ({ record: upon(base), token: 'T1' });

test.each<[string, Pending, string | undefined, boolean]>([
  ['a newer base of what is dirty', { dirty: upon('7') }, '6', true],
  ['its own version as the base', { dirty: upon('6') }, '6', false],
  ['an older base: another program has written the row since', { dirty: upon('5') }, '6', false],
  ['a base of what is dirty that is in flight itself', { inFlight: flying('6'), dirty: upon('7') }, '6', false],
  ['a newer base of what is in flight', { inFlight: flying('7'), dirty: upon('8') }, '6', true],
  ['a base that matches no row', { dirty: upon(CONFLICT) }, '6', false],
  ['a newer version that was written last', { recent: { version: '7', deleted: false } }, '6', true],
  ['its own version as the one that was written last', { recent: { version: '6', deleted: false } }, '6', false],
  ['a version of more digits', { recent: { version: '10', deleted: false } }, '9', true],
  ['a deletion: the row that is there is another one', { recent: { version: '7', deleted: true } }, '1', false],
  ['any version, if it has none itself', { dirty: upon('1') }, undefined, true],
  ['no version at all', { dirty: emptyRecord() }, undefined, false],
])('R7: a copy meets %s', (_, pending, version, isOld) => expect(isOutdated(pending, version)).toBe(isOld));
