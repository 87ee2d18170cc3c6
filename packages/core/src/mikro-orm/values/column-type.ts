/**
 * `int` -> `integer`, `character varying(20)` -> `varchar(20)`; case and spaces are folded, arguments and `[]` kept.
 */
export function canonicalType(declared: string): string {
  const text = declared.trim().toLowerCase().replaceAll(/\s+/g, ' ');
  const parts = /^(?<name>[^([]+?) ?(?<args>\([^)]*\))?(?<zone> with(?:out)? time zone)?(?<array>(?:\[\])*)$/.exec(
    text,
  )?.groups;
  if (!parts?.['name']) return text;
  const name = parts['name'] + (parts['zone'] ?? '');
  const args = (parts['args'] ?? '').replaceAll(' ', '');
  const array = parts['array'] ?? '';
  if (name === 'float') return floatType(args) + array;
  return (ALIASES[name] ?? name) + args + array;
}

/** Without arguments and brackets. */
export function nameOf(type: string): string {
  return type.replace(/\(.*?\)/, '').replace(/(\[\])+$/, '');
}

/** The type of an array's elements; `undefined` for a type that is no array. */
export function elementOf(type: string): string | undefined {
  return type.endsWith('[]') ? type.replace(/(\[\])+$/, '') : undefined;
}

/** Digits after the point of a `numeric` column; `undefined` if the column keeps every value as it is. */
export function scaleOf(type: string): number | undefined {
  const match = /^numeric\(\d+(?:,(-?\d+))?\)$/.exec(type);
  return match ? Number(match[1] ?? 0) : undefined;
}

/** `varchar(20)` has 20, `char` has 1; `undefined` without a limit. */
export function lengthOf(type: string): number | undefined {
  const length = /\((\d+)\)/.exec(type)?.[1];
  if (length === undefined) return nameOf(type) === 'char' ? 1 : undefined;
  return Number(length);
}

/** SQL's `float(n)` is a name for two types. */
function floatType(args: string): string {
  return args !== '' && Number(args.slice(1, -1)) <= 24 ? 'real' : 'double precision';
}

const ALIASES: Readonly<Record<string, string>> = {
  int: 'integer',
  int4: 'integer',
  serial: 'integer',
  int2: 'smallint',
  smallserial: 'smallint',
  int8: 'bigint',
  bigserial: 'bigint',
  float4: 'real',
  float8: 'double precision',
  bool: 'boolean',
  decimal: 'numeric',
  'character varying': 'varchar',
  character: 'char',
  bpchar: 'char',
  'timestamp with time zone': 'timestamptz',
  'timestamp without time zone': 'timestamp',
  'time without time zone': 'time',
  'time with time zone': 'timetz',
  'bit varying': 'varbit',
};
