import { AbstractSqlDriver } from '@mikro-orm/postgresql';
import { expect, test } from 'vitest';
import { DRIVER_METHODS } from '../../../src/mikro-orm/contract/methods.js';

/** Methods of MikroORM's driver that make statements, by whose part they are. */
const PARTS: Readonly<Record<string, string>> = {
  applyUnionWhere: 'of find(), count(), nativeUpdate() and nativeDelete(): a condition within theirs',
  createQueryBuilderFromOptions: 'of find() and stream()',
  nativeCloneSimple: 'of nativeClone()',
  nativeCloneTPT: 'of nativeClone()',
  wrapVirtualExpressionInSubquery: 'of find() and count()',
  wrapVirtualExpressionInSubqueryStream: 'of stream()',
  renderPartialIndexWhere: 'of the schema generator, which makes a text of it',
  createQueryBuilder: 'none by itself: of all of these, and of em.createQueryBuilder()',
};

// A statement past the hooks may find rows by a condition, and misses what is pending of them.
test('every method of the driver of MikroORM that makes a statement is hooked, or is a part of one that is', () => {
  const methods = Object.getOwnPropertyNames(AbstractSqlDriver.prototype).filter((name) => {
    if (name === 'constructor') return false;
    const value: unknown = Object.getOwnPropertyDescriptor(AbstractSqlDriver.prototype, name)?.value;
    return typeof value === 'function' && /createQueryBuilder\w*\(|\bthis\.execute\(/.test(String(value));
  });
  const hooked = [...DRIVER_METHODS, 'stream'];
  expect(methods.filter((name) => !hooked.includes(name) && !(name in PARTS))).toEqual([]);
  expect(Object.keys(PARTS).filter((name) => !methods.includes(name))).toEqual([]);
});
