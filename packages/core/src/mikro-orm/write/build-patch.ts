import type { DurabilityOption } from '../../policy/durability.js';
import { isRaw, ReferenceKind, type Platform } from '@mikro-orm/core';
import type { Change } from '../../change/change.js';
import { SpillwayError } from '../../errors.js';
import { calledRowKey, incompleteKey } from '../describe/entity-key.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';
import { givenTexts } from '../change/build-change.js';
import { nextVersion, versionText, versionWord } from '../values/version-text.js';
import { directPayload } from './direct-payload.js';

export interface PatchOptions extends DurabilityOption {
  /** The version that the row has to have; without one the last write wins. Either way the row's version is raised. */
  readonly version?: number | bigint | Date;
  /** Once it is aborted, nothing more is staged. What is on its way to Redis by then is answered all the same. */
  readonly signal?: AbortSignal;
}

/**
 * New values of some properties of a row that the caller has not loaded. Counters are assigned like other properties:
 * the caller gives a value, not a difference.
 * @throws SpillwayError `CONFIG_INVALID` for a property or a value that a patch cannot set, by name.
 */
export function buildPatch(
  type: WriteBehindType,
  key: unknown,
  changes: object,
  { version }: PatchOptions,
  platform: Platform,
): Change {
  const rowKey = calledRowKey(type, key);
  if (rowKey === undefined) throw incompleteKey(type);
  const payload: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(changes)) {
    if (value !== undefined) payload[name] = settableValue(type, name, value, { platform, refused: invalid });
  }
  const values = givenTexts(type, payload);
  if (Object.keys(values).length === 0) throw invalid(type, 'it sets no property');
  return {
    kind: 'update',
    entity: type.meta.className,
    rowKey,
    ...expected(type, version),
    values,
    deltas: {},
    originals: {},
  };
}

/** Without an expected version the change gives none either: the statement raises the version that the row has. */
function expected(type: WriteBehindType, version: PatchOptions['version']): Pick<Change, 'base' | 'version'> {
  if (version === undefined) return {};
  if (!type.version) throw invalid(type, 'it expects a version, but the entity has no version property');
  const base = versionText(version, type.version.kind);
  if (base === undefined) throw invalid(type, `it expects a version that is no ${versionWord(type.version.kind)}`);
  return { base, version: nextVersion(base, type.version.kind, Date.now()) };
}

interface Settable {
  readonly platform: Platform;
  /** The error for a value that cannot be set. */
  readonly refused: (type: WriteBehindType, what: string) => SpillwayError;
}

/** A value that a call gives for a property, in the form of a payload. */
export function settableValue(
  type: WriteBehindType,
  name: string,
  value: unknown,
  { platform, refused }: Settable,
): unknown {
  const property = type.meta.properties[name];
  if (!property) throw refused(type, `it has no property "${name}"`);
  if (property.primary) throw refused(type, `"${name}" is part of the primary key, which never changes`);
  if (property.version)
    throw refused(type, `"${name}" is the version, which is raised by itself. Give the expected one as { version }`);
  if (isRaw(value)) throw refused(type, `"${name}" is given as raw(). Use em.nativeUpdate(), which goes by SQL then`);
  if (value === null && !property.nullable) throw refused(type, `"${name}" cannot be null`);
  const payload = directPayload(type, { [name]: value }, 'data', platform);
  if (payload) return payload[name];
  const isPart = property.kind === ReferenceKind.EMBEDDED || !type.values.has(name) || type.closing.has(name);
  throw refused(
    type,
    isPart
      ? `"${name}" is no value of one column. Load the entity and change it there`
      : `"${name}" cannot be ${typeof value === 'object' ? 'such an object' : `a ${typeof value}`}`,
  );
}

function invalid(type: WriteBehindType, what: string): SpillwayError {
  return new SpillwayError('CONFIG_INVALID', `A patch of ${type.meta.className} cannot be staged: ${what}`);
}
