import { database, redis, type Database, type PrivateRedis } from '@spillway/test-support';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { codeBlocks, document } from '../docs/markdown.js';
import { EmptyProject, PackedPackages } from './packed.js';
import { withVersions } from './versions.js';

/** The programs of the README, traced by the real instrumentation of ioredis. */
const PROGRAM = ['product.ts', 'mikro-orm.config.ts', 'main.ts', 'tsconfig.json'];
const OPEN_TELEMETRY = [
  '@opentelemetry/api@1.9.0',
  '@opentelemetry/instrumentation@0.300.0',
  '@opentelemetry/instrumentation-ioredis@0.72.0',
  '@opentelemetry/sdk-trace-node@2',
];

/** Runs `main.js` within a span, and prints what the spans of Redis' commands tell of them. */
const TRACED = `
import './spans.js';
const { trace } = await import('@opentelemetry/api');
const { exporter, provider } = await import('./spans.js');
await import(process.argv[2]);
// Loaded once more, past the loader of modules: the instrumentation changes the class in its place.
(await import('node:module')).createRequire(import.meta.url)('ioredis');
await trace.getTracer('test').startActiveSpan('request', async (span) => {
  await import('./main.js');
  span.end();
});
await provider.forceFlush();
for (const { name, attributes } of exporter.getFinishedSpans())
  if (attributes['db.system.name'] === 'redis') console.log(JSON.stringify({ name, told: attributes['db.query.text'] }));
`;
const SPANS = `
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
export const exporter = new InMemorySpanExporter();
export const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
provider.register();
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
  for (const { file = '', language, code } of codeBlocks(document('README.md'))) {
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
  expect(open).toMatch(/"name":"evalsha?".*Tea kettle/u);
  const hidden = toldBy(await project.run('node', 'traced.js', './tracing.js'));
  expect(hidden.length).toBeGreaterThan(0);
  for (const { name, told } of hidden) expect(told).toBe(name);
});

function toldBy(output: string): { readonly name: string; readonly told: string }[] {
  const lines = output.split('\n').filter((line) => line.startsWith('{"name":'));
  return lines.map((line) => JSON.parse(line) as { name: string; told: string });
}

async function write(file: string, text: string): Promise<void> {
  await writeFile(path.join(project.folder, file), text);
}
