import { readFileSync } from 'node:fs';
import { root } from './markdown.js';

const typings = (path: string): string => readFileSync(`${root}node_modules/@mikro-orm/${path}.d.ts`, 'utf8');
const unique = (names: readonly string[]): string[] => [...new Set(names)];

/** The members of an interface, a type or a class in a file of MikroORM's typings. */
function membersOf(path: string, name: string): string[] {
  const [, body] =
    new RegExp(`^(?:export )?(?:declare )?(?:interface|type|class) ${name}\\b[^\\n]*\\{\\n(.*?)^\\}`, 'ms').exec(
      typings(path),
    ) ?? [];
  if (body === undefined) throw new Error(`MikroORM has no ${name} in ${path} any more: look where its options went`);
  return [...body.matchAll(/^ {4}(\w+)\??[:(<]/gm)].map(([, member = '']) => member);
}

const inTypes = (...names: string[]): string[] =>
  unique(names.flatMap((name) => membersOf('core/metadata/types', name)));
const inTypings = (...names: string[]): string[] => unique(names.flatMap((name) => membersOf('core/typings', name)));

/** Heading in docs/entities.md -> what MikroORM's typings have of it. */
export const OPTIONS: Readonly<Record<string, readonly string[]>> = {
  'Options of entities': inTypes('EntityOptions'),
  'Options of properties': inTypes('PropertyOptions', 'EnumOptions', 'PrimaryKeyOptions'),
  'Options of relations': inTypes(
    'ReferenceOptions',
    'PolymorphicOptions',
    'ManyToOneOptions',
    'OneToManyOptions',
    'OneToOneOptions',
    'ManyToManyOptions',
  ),
  'Options of embeddables': inTypes('EmbeddedOptions', 'EmbeddableOptions'),
  'Indexes, checks, triggers, policies and filters': unique([
    ...inTypes('BaseOptions', 'UniqueOptions', 'IndexOptions', 'IndexColumnOptions'),
    ...inTypings('CheckConstraint', 'TriggerDef', 'PolicyDef', 'FilterDefResolved'),
  ]),
  Hooks: membersOf('core/events/EventSubscriber', 'EventSubscriber'),
  Types: unique([
    ...[...typings('core/types/index').matchAll(/^import \{ (?:type \w+, )*(\w*Type)\b/gm)].map(
      ([, name = '']) => name,
    ),
    'FullTextType',
  ]),
  Repositories: unique(
    [
      membersOf('core/entity/EntityRepository', 'EntityRepository'),
      membersOf('sql/SqlEntityRepository', 'SqlEntityRepository'),
    ]
      .flat()
      .filter((name) => name !== 'constructor'),
  ),
};

/** Those that MikroORM has for other databases. */
export const ELSEWHERE: readonly string[] = ['serializedPrimaryKey', 'extra', 'invisible', 'disabled', 'clustered'];
