import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { compile } from './compile.js';

const KINDS = ['legacy', 'standard'] as const;
const TYPE_TESTS = fileURLToPath(new URL('../../types/write-policy.ts', import.meta.url));
const WRITE_BEHIND = fileURLToPath(new URL('../../../src/policy/write-behind.js', import.meta.url));
const COMPILER_TIMEOUT_MS = 60_000;

/** What the compiler says of a class that is decorated so. */
async function complaintAbout(decorator: string, kind: (typeof KINDS)[number]): Promise<string> {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'product.ts');
  const source = [
    `import { WriteBehind } from ${JSON.stringify(WRITE_BEHIND)};`,
    decorator,
    'export class Product { name!: string; stock!: number; views!: number }',
  ];
  await writeFile(file, source.join('\n'));
  return await compile(file, kind);
}

async function temporaryFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'spillway-types-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

describe.each(KINDS)('with %s decorators', (kind) => {
  it('the compiler accepts what is right and refuses what is wrong', { timeout: COMPILER_TIMEOUT_MS }, async () => {
    expect(await compile(TYPE_TESTS, kind)).toBe('');
  });

  it(
    'a misspelt counter is an error that names it and those that there are',
    { timeout: COMPILER_TIMEOUT_MS },
    async () => {
      const complaint = await complaintAbout("@WriteBehind({ counters: ['stok'] })", kind);
      expect(complaint).toContain(
        `Argument of type 'typeof Product' is not assignable to parameter of type 'typeof Product & NotANumericProperty<"stok", "stock" | "views">'`,
      );
      expect(complaint).toContain('counters must name numeric properties of the entity');
    },
  );

  it('a misspelt counter of a named entity is an error that guesses', { timeout: COMPILER_TIMEOUT_MS }, async () => {
    const complaint = await complaintAbout("@WriteBehind<Product>({ counters: ['stok'] })", kind);
    expect(complaint).toContain(`Type '"stok"' is not assignable to type '"stock" | "views"'. Did you mean '"stock"'?`);
  });

  it('a policy for another entity is an error that says so', { timeout: COMPILER_TIMEOUT_MS }, async () => {
    const complaint = await complaintAbout("@WriteBehind<{ isbn: string }>({ debounce: '1s' })", kind);
    expect(complaint).toContain('typeof Product & PolicyOfAnotherEntity<{ isbn: string; }>');
    expect(complaint).toContain('the policy is for another entity');
  });
});
