import { Type, p } from '@mikro-orm/postgresql';
import fc, { type Arbitrary } from 'fast-check';

/** A column type: the property that maps it, and values of the entity that PostgreSQL takes. */
export interface TestedType {
  readonly property: { nullable(): unknown };
  readonly values: Arbitrary<unknown>;
}

/** The application's own form of a point, converted in JavaScript. */
class PointType extends Type<{ x: number; y: number }, string> {
  override convertToDatabaseValue(value: { x: number; y: number } | null): string {
    return value && typeof value === 'object' ? `(${value.x},${value.y})` : (value as never);
  }
  /** A conflict function's values are read from PostgreSQL's text; elsewhere the driver has read it. */
  override convertToJSValue(value: { x: number; y: number } | string): { x: number; y: number } {
    if (typeof value !== 'string') return value;
    const [x = 0, y = 0] = value.slice(1, -1).split(',').map(Number);
    return { x, y };
  }
  override getColumnType(): string {
    return 'point';
  }
}

/** Nested arrays have no type in MikroORM; an application writes the literal itself. */
class MatrixType extends Type<number[][], string> {
  override convertToDatabaseValue(value: number[][] | null): string {
    return value ? JSON.stringify(value).replaceAll('[', '{').replaceAll(']', '}') : (value as never);
  }
  override convertToJSValue(value: number[][] | string): number[][] {
    if (typeof value !== 'string') return value;
    return JSON.parse(value.replaceAll('{', '[').replaceAll('}', ']')) as number[][];
  }
  override getColumnType(): string {
    return 'integer[][]';
  }
}

/** A custom type that is converted in JavaScript alone. */
class ReversedType extends Type<string, string> {
  override convertToDatabaseValue(value: string): string {
    return value && Array.from(value).toReversed().join('');
  }
  override convertToJSValue(value: string): string {
    return value && Array.from(value).toReversed().join('');
  }
  override getColumnType(): string {
    return 'text';
  }
}

/** Moments as the texts of PostgreSQL: what JavaScript's dates cannot hold. */
class MomentTextType extends Type<string, string> {
  override compareAsType(): string {
    return 'string';
  }
  override getColumnType(): string {
    return 'timestamptz';
  }
}

const words = fc.string({ unit: 'grapheme', maxLength: 30 }).map((text) => text.replaceAll('\0', ''));
const hostile = fc.constantFrom(
  'null',
  'NULL',
  '',
  ' ',
  'a "b" \\ \n',
  "it's",
  '{a,b}',
  '🌊',
  '\ud800 alone',
  '$1 ?',
  '\\x00',
);
const text = fc.oneof(words, hostile);
/** MikroORM leaves blanks unquoted, and an element of nothing else is no literal. */
const arrayText = text.filter((value) => value === '' || value.trim() !== '');
const plain = fc.stringMatching(/^[a-z]{1,8}$/);
const whole = (digits: number): Arbitrary<bigint> =>
  fc.bigInt({ min: -(10n ** BigInt(digits)) + 1n, max: 10n ** BigInt(digits) - 1n });
const decimal = (digits: number, scale: number): Arbitrary<string> =>
  fc
    .tuple(whole(digits - scale), fc.nat({ max: 10 ** scale - 1 }))
    .map(([left, right]) => (scale === 0 ? String(left) : `${left}.${String(right).padStart(scale, '0')}`));
const double = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (value === 0 ? 0 : value));
const real = fc.double({ min: -1e30, max: 1e30, noNaN: true }).map((value) => (Math.abs(value) < 1e-30 ? 0 : value));
const json = fc
  .jsonValue({ maxDepth: 4 })
  .map((value) => JSON.parse(JSON.stringify(value).replaceAll(/\\u(0000|d[89a-f]..)/gi, '')) as unknown)
  .filter((value) => value !== null);
const date = (min: string, max: string): Arbitrary<Date> =>
  fc.date({ min: new Date(min), max: new Date(max), noInvalidDate: true });
/** MikroORM writes local times with offsets of whole minutes, which New York had not before November 1883. */
const moment = fc.oneof(date('1920-01-01', '2100-01-01'), date('1884-01-01', '9999-01-01'));
const day = moment.map((value) => value.toISOString().slice(0, 10));
const two = (max: number): Arbitrary<string> => fc.nat({ max }).map((value) => String(value).padStart(2, '0'));
const time = fc.tuple(two(23), two(59), two(59)).map((parts) => parts.join(':'));
const bits = (min: number, max: number): Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom('0', '1'), minLength: min, maxLength: max });
const number = fc.integer({ min: -1000, max: 1000 });
const pair = fc.tuple(number, number).map(([left, right]) => [Math.min(left, right), Math.max(left, right)] as const);
const range = pair.chain(([from, to]) =>
  fc.constantFrom('empty', `[${from},${to}]`, `(${from},)`, `[ ${from} , ${to} )`),
);
const uuid = fc.oneof(
  fc.uuid(),
  fc.uuid().map((value) => value.toUpperCase()),
);
const list = <T>(values: Arbitrary<T>): Arbitrary<T[]> => fc.array(values, { maxLength: 4 });

const literal = (type: string, values: Arbitrary<unknown>): TestedType => ({
  property: p.string().columnType(type),
  values,
});
const datetime = (type: string): TestedType => ({ property: p.datetime().columnType(type), values: moment });
const array = (type: string, values: Arbitrary<unknown>): TestedType => ({
  property: p.array().columnType(type),
  values: list(values),
});

/** Name of the property -> its type. Columns have the names of their properties. */
export const EVERY_TYPE: Readonly<Record<string, TestedType>> = {
  smallint: { property: p.smallint(), values: fc.integer({ min: -32768, max: 32767 }) },
  integer: { property: p.integer(), values: fc.integer() },
  bigint: { property: p.bigint(), values: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) },
  bigint_number: { property: p.bigint('number'), values: fc.maxSafeInteger() },
  bigint_string: { property: p.bigint('string'), values: whole(18).map(String) },
  real: { property: p.float(), values: fc.oneof(real, fc.constantFrom(0.1, 1.5, -2.25)) },
  double_precision: { property: p.double(), values: double },
  numeric: {
    property: p.decimal().columnType('numeric'),
    values: fc.oneof(decimal(30, 9), fc.constantFrom('NaN', '1e3', '.5', '1.50')),
  },
  numeric_20_4: {
    property: p.decimal().precision(20).scale(4),
    values: fc.oneof(decimal(20, 4), fc.constantFrom('-0.00001', '1.00005')),
  },
  numeric_5: {
    property: p.decimal().columnType('numeric(5)'),
    values: fc.oneof(decimal(5, 0), fc.constantFrom('1.5', '-2.5')),
  },
  numeric_number: {
    property: p.decimal('number').columnType('numeric(12,3)'),
    values: fc.integer({ min: -1e9, max: 1e9 }).map((units) => units / 1000),
  },
  boolean: { property: p.boolean(), values: fc.boolean() },
  text: { property: p.text(), values: text },
  varchar: { property: p.string().length(255), values: text },
  char_5: { property: p.string().columnType('char(5)'), values: fc.stringMatching(/^[a-z]{1,5}$/) },
  citext: literal('citext', text),
  text_enum: { property: p.enum(['red', 'green']), values: fc.constantFrom('red', 'green') },
  native_enum: {
    property: p.enum(['north', 'south pole', 'it"s']).nativeEnumName('heading'),
    values: fc.constantFrom('north', 'south pole', 'it"s'),
  },
  uuid: { property: p.uuid(), values: uuid },
  date: { property: p.date(), values: fc.oneof(day, fc.constantFrom('infinity', '0044-03-15 BC', '2026-2-8')) },
  time: { property: p.time(), values: time },
  time_3: literal(
    'time(3)',
    fc.oneof(
      time,
      time.map((value) => `${value}.1239`),
      fc.constant('24:00:00'),
    ),
  ),
  timetz: literal(
    'timetz',
    time.map((value) => `${value}+02`),
  ),
  timestamp_0: datetime('timestamp(0)'),
  timestamp_3: datetime('timestamp(3)'),
  timestamp_6: datetime('timestamp'),
  timestamptz_0: datetime('timestamptz(0)'),
  timestamptz_1: datetime('timestamptz(1)'),
  timestamptz_3: datetime('timestamptz(3)'),
  timestamptz_6: datetime('timestamptz'),
  timestamptz_text: {
    property: p.type(MomentTextType),
    values: fc.oneof(
      moment.map((value) => value.toISOString()),
      fc.constantFrom('infinity', '-infinity', '0044-03-15 12:00:00 BC'),
    ),
  },
  money: literal('money', decimal(12, 2)),
  interval: {
    property: p.interval(),
    values: fc.constantFrom('1 week', '24:00:00', '1 day', '-3 mons 2 days 01:02:03.5', 'P1Y2M3DT4H'),
  },
  json: { property: p.json().columnType('json'), values: json },
  jsonb: { property: p.json(), values: json },
  bytea: { property: p.blob(), values: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)) },
  inet: literal(
    'inet',
    fc.oneof(
      fc.ipV4(),
      fc.ipV4().map((ip) => `${ip}/24`),
      fc.ipV6(),
    ),
  ),
  cidr: literal('cidr', fc.constantFrom('10.0.0.0/8', '10.1', '::1/128')),
  macaddr: literal('macaddr', fc.constantFrom('08:00:2B:01:02:03', '08002b-010203')),
  macaddr8: literal('macaddr8', fc.constantFrom('08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05')),
  bit_5: literal('bit(5)', bits(5, 5)),
  varbit_10: literal('bit varying(10)', bits(0, 10)),
  tsquery: literal('tsquery', fc.constantFrom('fat & (rat | cat)', "'x':A*")),
  xml: literal('xml', fc.constantFrom('<a/>', '<a b="c">d</a>', 'text & more'.replace('&', '&amp;'))),
  point: { property: p.type(PointType), values: fc.record({ x: number, y: number }) },
  line: literal('line', fc.constantFrom('{1,2,3}', '[(0,0),(1,1)]')),
  box: literal(
    'box',
    pair.map(([x, y]) => `(${x},${y}),(${y},${x})`),
  ),
  path: literal(
    'path',
    pair.map(([x, y]) => `[(${x},${y}),(0,0)]`),
  ),
  polygon: literal(
    'polygon',
    pair.map(([x, y]) => `((${x},${y}),(0,0),(1,1))`),
  ),
  int4range: literal('int4range', range),
  int8range: literal('int8range', range),
  numrange: literal('numrange', range),
  daterange: literal('daterange', fc.constantFrom('[2026-01-01,2026-02-01]', '(,2026-01-01)')),
  tsrange: literal('tsrange', fc.constantFrom('[2026-01-01, 2026-02-01 12:00)', '(,)')),
  tstzrange: literal('tstzrange', fc.constantFrom('[2026-01-01T00:00:00Z,2026-02-01T00:00:00+02]')),
  int4multirange: literal(
    'int4multirange',
    fc.tuple(range, range).map((ranges) => `{${ranges.join(',')}}`),
  ),
  hstore: literal('hstore', fc.constantFrom('b=>1,a=>NULL', '"x y"=>"z"', '')),
  ltree: literal(
    'ltree',
    fc.array(plain, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.')),
  ),
  cube: literal('cube', fc.constantFrom('(1,2,3)', '1', '(0,0),(1,1)')),
  domain: literal('shout', fc.stringMatching(/^[A-Z]{1,10}$/)),
  text_array: array('text[]', fc.oneof(arrayText, fc.constant(null))),
  integer_array: {
    property: p.array((value) => Number(value)).columnType('int[]'),
    values: list(fc.oneof(fc.integer(), fc.constant(null))).map((values) => values.filter((value) => value !== null)),
  },
  bigint_array: array('bigint[]', whole(18).map(String)),
  numeric_array: array('numeric[]', decimal(12, 2)),
  double_array: array('double precision[]', double),
  boolean_array: array('boolean[]', fc.boolean()),
  uuid_array: array('uuid[]', uuid),
  date_array: array('date[]', day),
  timestamptz_array: array(
    'timestamptz[]',
    moment.map((value) => value.toISOString()),
  ),
  enum_array: { property: p.enum(['red', 'green']).array(), values: list(fc.constantFrom('red', 'green')) },
  native_enum_array: {
    property: p.enum(['up', 'down']).array().nativeEnumName('way'),
    values: list(fc.constantFrom('up', 'down')),
  },
  nested_array: {
    property: p.type(MatrixType),
    values: fc.constantFrom(
      [
        [1, 2],
        [3, 4],
      ],
      [[5]],
      [],
    ),
  },
  custom: { property: p.type(ReversedType), values: plain },
};

const numbers = (size: number): Arbitrary<number[]> =>
  fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: size, maxLength: size });
const vector = numbers(3).map((values) => JSON.stringify(values));

/** The types of pgvector, which few servers have. */
export const VECTOR_TYPES: Readonly<Record<string, TestedType>> = {
  vector: literal('vector', vector),
  vector_3: literal('vector(3)', vector),
  halfvec_3: literal('halfvec(3)', vector),
  sparsevec_5: literal('sparsevec(5)', fc.constantFrom('{1:1,3:2.5}/5', '{ 5:-1 }/5', '{}/5')),
};
