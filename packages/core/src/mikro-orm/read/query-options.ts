import type { WriteBehindType } from '../describe/write-behind-type.js';

/** The options that MikroORM hands to its driver beside the condition. */
export type Options = Readonly<Record<string, unknown>>;
export type Find = (where: unknown, options: Options) => Promise<unknown>;

export function inTransaction(options: Options): boolean {
  return options['ctx'] !== undefined;
}

export function unlocked(options: Options): Options {
  return { ...options, lockMode: undefined };
}

/** Reads the primary, because replicas lag. */
export function primary(options: Options): Options {
  return { ...options, connectionType: 'write' };
}

/**
 * The query with the version among the properties that it asks for, if it asks for some only, and a function that takes
 * the version off the rows again. Without a version, an old row cannot be told from a new one.
 */
export function withVersion(
  { version }: WriteBehindType,
  options: Options,
): { readonly asked: Options; readonly strip: (row: Record<string, unknown>) => Record<string, unknown> } {
  const name = version?.property.name;
  const { fields, exclude } = options as { fields?: readonly unknown[]; exclude?: readonly unknown[] };
  const lacks = fields && fields.length > 0 && !fields.includes(name) && !fields.includes('*');
  if (name === undefined || !(lacks || exclude?.includes(name))) return { asked: options, strip: (row) => row };
  const asked = {
    ...options,
    ...(lacks && { fields: [...fields, name] }),
    ...(exclude && { exclude: exclude.filter((each) => each !== name) }),
  };
  return {
    asked,
    strip: (row) => Object.fromEntries(Object.entries(row).filter(([each]) => each !== name)),
  };
}
