import { database, redis, type Database, type PrivateRedis } from '@spillway/test-support';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { codeBlocks, document } from '../docs/markdown.js';
import { EmptyProject, PackedPackages } from './packed.js';
import { withVersions } from './versions.js';

/** The programs of docs/installing.md, traced by the real instrumentation of ioredis. */
const PROGRAM = ['product.ts', 'mikro-orm.config.ts', 'main.ts', 'tsconfig.json'];
const OPEN_TELEMETRY = [
  '@opentelemetry/api@1.10.0',
  '@opentelemetry/instrumentation@0.300.0',
  '@opentelemetry/instrumentation-ioredis@0.72.0',
];

/** Runs `main.js`, and prints what the spans of Redis' commands tell of them. */
const TRACED = `
import { spans } from './spans.js';
await import(process.argv[2]);
// Past the loader of modules, where the instrumentation waits for it: it changes the class in its place.
(await import('node:module')).createRequire(import.meta.url)('ioredis');
await import('./main.js');
for (const { name, told } of spans) if (told !== undefined) console.log(JSON.stringify({ name, told }));
`;

/** Keeps what is told, and says that there always is a span around. */
const SPANS = `
import { context, INVALID_SPAN_CONTEXT, ROOT_CONTEXT, trace } from '@opentelemetry/api';
export const spans = [];
const parent = trace.wrapSpanContext(INVALID_SPAN_CONTEXT);
trace.setGlobalTracerProvider({
  getTracer: () => ({
    startSpan(name, { attributes = {} } = {}) {
      spans.push({ name, told: attributes['db.query.text'] });
      return parent;
    },
  }),
});
context.setGlobalContextManager({
  active: () => trace.setSpan(ROOT_CONTEXT, parent),
  with: (_, act, self, ...args) => act.call(self, ...args),
  bind: (_, target) => target,
  enable() { return this; },
  disable() { return this; },
});
`;

let server: PrivateRedis;
let db: Database;
let packed: PackedPackages;
let project: EmptyProject;

beforeAll(async () => {
  [server, db, packed, project] = await Promise.all([
    redis(),
    database(),
    PackedPackages.pack(['core']),
    EmptyProject.create(),
  ]);
  for (const { file = '', language, code } of codeBlocks(document('docs/installing.md'))) {
    if (!PROGRAM.includes(file)) continue;
    const text = language === 'json' ? code.replace(/^.*\n/, '') : code;
    await write(
      file,
      text.replaceAll('redis://localhost:6379', server.url).replaceAll('postgres://localhost:5432/shop', db.url),
    );
  }
  const hook = codeBlocks(document('docs/operations.md')).find(({ file }) => file === 'tracing.js')?.code ?? '';
  await write('package.json', JSON.stringify({ type: 'module' }));
  await write('spans.js', SPANS);
  await write('traced.js', TRACED);
  await write('tracing.js', hook);
  await write('as-it-is.js', hook.replace(/\{ dbStatementSerializer: .*? \}/, ''));
  const words = withVersions(
    ['core', 'postgresql', 'decorators'].map((name) => `@mikro-orm/${name}`).concat('ioredis', 'rxjs', '@types/node'),
  );
  const ours = packed.insteadOfNames(['@spillway/core']);
  await project.run('npm', 'install', ...ours, ...words, ...OPEN_TELEMETRY, 'reflect-metadata', 'typescript@7.0.2');
  await project.run('npx', 'tsc');
});

afterAll(async () => {
  await project[Symbol.asyncDispose]();
  await packed[Symbol.asyncDispose]();
  await db.drop();
  await server.stop();
});

test('traces of ioredis have what is staged, and with the hook of docs/operations.md only the names of commands', async () => {
  const open = await project.run('node', 'traced.js', './as-it-is.js');
  expect(open).toMatch(/"name":"EVAL(SHA)?".*Tea kettle/u);
  const hidden = toldBy(await project.run('node', 'traced.js', './tracing.js'));
  expect(hidden.length).toBeGreaterThan(0);
  for (const { name, told } of hidden) expect(['connect', name]).toContain(told);
});

function toldBy(output: string): { readonly name: string; readonly told: string }[] {
  const lines = output.split('\n').filter((line) => line.startsWith('{"name":'));
  return lines.map((line) => JSON.parse(line) as { name: string; told: string });
}

async function write(file: string, text: string): Promise<void> {
  await writeFile(path.join(project.folder, file), text);
}
