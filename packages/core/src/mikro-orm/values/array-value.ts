import { nameOf } from './column-type.js';
import type { Conversion } from './conversion.js';
import { isVolatile } from './opaque-value.js';

/**
 * Arrays of one dimension. MikroORM's snapshots hold them as PostgreSQL's own literal (`{a,"b c"}`), and this literal
 * travels. Read back, they are the driver's values, if these can be foretold.
 */
export function arrayValue(element: string, { read, isExact, write }: Conversion): Conversion {
  const isMoment = nameOf(element) === 'date' || nameOf(element) === 'time';
  const reads = DRIVER_READS.has(nameOf(element));
  const rowElement = ELEMENT_READS[nameOf(element)] ?? ((text: string): unknown => read(write(text)));
  return {
    takes: (value) =>
      typeof value === 'string' && value.startsWith('{') && value.endsWith('}') && !(isMoment && isVolatile(value)),
    write: (value) => JSON.stringify(String(value).toWellFormed()),
    read: (text) => {
      const literal = JSON.parse(text) as string;
      const elements = reads ? elementsOf(literal) : undefined;
      return elements?.map((each) => (each === null ? null : rowElement(each))) ?? literal;
    },
    isExact: (text) => {
      const elements = elementsOf(JSON.parse(text) as string);
      return (
        reads && elements !== undefined && elements.every((each) => each === null || isExact(JSON.stringify(each)))
      );
    },
  };
}

/**
 * Element types whose arrays the driver answers as arrays of values like those of a single column. It answers other
 * arrays as text, or reads them in ways of its own.
 */
const DRIVER_READS: ReadonlySet<string> = new Set([
  'smallint',
  'integer',
  'bigint',
  'real',
  'double precision',
  'numeric',
  'boolean',
  'text',
  'varchar',
  'uuid',
  'date',
  'time',
]);

/**
 * The driver makes numbers of the elements of a `numeric[]`, though a single one stays a text; booleans are `t` and `f`
 * in an array.
 */
const ELEMENT_READS: Readonly<Record<string, (text: string) => unknown>> = {
  numeric: Number,
  boolean: (text) => text === 't' || text === 'true',
};

/** Quoted, or plain without anything that PostgreSQL would trim or read in another way. */
const ELEMENT = /"((?:[^"\\]|\\.)*)"|([^\s"{},\\](?:[^"{},\\]*[^\s"{},\\])?)/suy;

/**
 * The elements' texts; `undefined` for a literal that is nested, or spaced, or of a spelling of null that drivers do
 * not know.
 */
function elementsOf(literal: string): (string | null)[] | undefined {
  if (literal === '{}') return [];
  if (!literal.startsWith('{') || !literal.endsWith('}')) return undefined;
  const elements: (string | null)[] = [];
  for (let position = 1; position < literal.length;) {
    ELEMENT.lastIndex = position;
    const match = ELEMENT.exec(literal);
    if (!match) return undefined;
    const plain = match[2];
    if (plain !== undefined && plain.toLowerCase() === 'null' && plain !== 'NULL') return undefined;
    elements.push(
      plain === undefined ? (match[1] ?? '').replaceAll(/\\(.)/gsu, '$1') : plain === 'NULL' ? null : plain,
    );
    position = ELEMENT.lastIndex;
    if (literal[position] !== (position === literal.length - 1 ? '}' : ',')) return undefined;
    position++;
  }
  return elements;
}
