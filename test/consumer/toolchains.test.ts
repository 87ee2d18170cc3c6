import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { database, redis, type PrivateRedis } from '@spillway/test-support';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { codeBlocks, document } from '../docs/markdown.js';
import { promisedOutput } from '../docs/reader-project.js';
import { EmptyProject, PackedPackages } from './packed.js';
import { withVersions } from './versions.js';

const PROGRAM = ['product.ts', 'mikro-orm.config.ts', 'main.ts'];
const blocks = codeBlocks(document('docs/installing.md')).filter(({ file }) => PROGRAM.includes(file ?? ''));
const promised = promisedOutput(blocks.find(({ file }) => file === 'main.ts') ?? { language: '', file: '', code: '' });

const tsconfig = {
  compilerOptions: {
    target: 'es2023',
    module: 'nodenext',
    strict: true,
    exactOptionalPropertyTypes: true,
    experimentalDecorators: true,
    skipLibCheck: true,
    types: ['node'],
    outDir: 'out',
  },
  include: ['*.ts'],
};

const swc = {
  jsc: { parser: { syntax: 'typescript', decorators: true }, transform: { legacyDecorator: true }, target: 'es2023' },
  module: { type: 'es6' },
};

let server: PrivateRedis;
let packed: PackedPackages;
let project: EmptyProject;

beforeAll(async () => {
  [server, packed, project] = await Promise.all([redis(), PackedPackages.pack(['core']), EmptyProject.create()]);
  await writeFile(path.join(project.folder, 'package.json'), JSON.stringify({ type: 'module' }));
  await writeFile(path.join(project.folder, 'tsconfig.json'), JSON.stringify(tsconfig));
  await writeFile(path.join(project.folder, '.swcrc'), JSON.stringify(swc));
  const words = [
    '@spillway/core',
    '@mikro-orm/core',
    '@mikro-orm/postgresql',
    '@mikro-orm/decorators',
    'ioredis',
    'rxjs',
    'reflect-metadata',
    '@types/node',
  ];
  const tools = ['typescript@7.0.2', 'typescript6@npm:typescript@6', 'tsx@4', '@swc/core@1', '@swc/cli@0'];
  await project.run(
    'npm',
    'install',
    ...packed.insteadOfNames(withVersions(words)),
    ...tools,
    '--no-audit',
    '--no-fund',
    '--prefer-offline',
  );
});
afterAll(async () => {
  await project[Symbol.asyncDispose]();
  await packed[Symbol.asyncDispose]();
  await server.stop();
});

describe('the program with decorators compiles and runs in a project on', () => {
  test.each<[string, readonly string[] | undefined, readonly string[]]>([
    ['TypeScript 7', ['node_modules/typescript/bin/tsc'], ['out/main.js']],
    ['TypeScript 6', ['node_modules/typescript6/bin/tsc'], ['out/main.js']],
    ['swc', ['node_modules/@swc/cli/bin/swc.js', ...PROGRAM, '-d', 'out'], ['out/main.js']],
    ['tsx', undefined, ['--import', 'tsx', 'main.ts']],
  ])('%s', async (_, compile, program) => {
    await using db = await database();
    await writeProgram(db.url);
    if (compile) await project.run(process.execPath, ...compile);
    expect(await project.run(process.execPath, ...program)).toBe(promised);
    // What the next one compiles must not be found compiled.
    await project.run('rm', '-rf', 'out');
    await emptyRedis();
  });
});

/** The documents' namespace belongs to one database at a time. */
async function emptyRedis(): Promise<void> {
  const client = new Redis(server.url);
  await client.flushall();
  client.disconnect();
}

async function writeProgram(databaseUrl: string): Promise<void> {
  for (const { file = '', code } of blocks) {
    const text = code
      .replaceAll('redis://localhost:6379', server.url)
      .replaceAll('postgres://localhost:5432/shop', databaseUrl);
    await writeFile(path.join(project.folder, file), text);
  }
}
