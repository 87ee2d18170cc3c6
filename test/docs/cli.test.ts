import { readFileSync } from 'node:fs';
import { database, eventually, redis, type Database, type PrivateRedis } from '@spillway/test-support';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EXIT } from '../../packages/cli/src/exit-code.js';
import { Session } from '../../packages/cli/src/command.js';
import { program } from '../../packages/cli/src/program.js';
import { codeBlocks, codesIn, document, documents, root, tableBelow } from './markdown.js';
import { ReaderProject } from './reader-project.js';
import { shop } from './shop.js';

const page = document('docs/cli.md');
const nowhere = {
  isInteractive: false,
  hasProgress: false,
  hasColour: false,
  width: 80,
  print: () => undefined,
  say: () => undefined,
  clear: () => undefined,
};

/** A command with its arguments and options, as a row of the table names it. */
function usages(): string[] {
  const all = program(new Session(nowhere)).commands.flatMap((command) =>
    command.commands.length === 0 ? [command] : command.commands,
  );
  return all.map((command) => {
    const parent = command.parent?.name() === 'spillway' ? [] : [command.parent?.name()];
    const args = command.registeredArguments.map((argument) => {
      const said = `${argument.name()}${argument.variadic ? '...' : ''}`;
      return argument.required ? `<${said}>` : `[${said}]`;
    });
    const options = command.options.map(({ flags }) => `[${flags}]`).toSorted();
    return [...parent, command.name(), ...args, ...options].join(' ');
  });
}

/** The same, of the documents, whose options stand in the order in which a reader meets them. */
function documented(usage: string): string {
  const options = [...usage.matchAll(/\[--(?:[^[\]]|\[[^\]]*\])*\]/g)].map(([option]) => option);
  const rest = usage.replaceAll(/ \[--(?:[^[\]]|\[[^\]]*\])*\]/g, '');
  return [rest, ...options.toSorted()].join(' ');
}

test('docs/cli.md names every command with its options', () => {
  const named = tableBelow(page, 'Commands').map(([cell = '']) => documented(codesIn(cell)[0] ?? ''));
  expect(named.toSorted()).toEqual(usages().toSorted());
});

test('docs/cli.md names every exit code, and so does the help', () => {
  const codes = tableBelow(page, 'Exit codes').map(([code]) => Number(code));
  expect(codes).toEqual(Object.values(EXIT));
});

test('docs/cli.md names every check of the doctor', () => {
  const source = readFileSync(`${root}packages/core/src/doctor/finding.ts`, 'utf8');
  const checks = [...source.matchAll(/^ {2}\| '([a-z-]+)'/gm)].map(([, name]) => name);
  expect(checks.length).toBeGreaterThan(10);
  expect(tableBelow(page, 'Doctor').map(([cell = '']) => codesIn(cell)[0])).toEqual(checks);
});

describe('the commands of docs/cli.md', () => {
  let server: PrivateRedis;
  let db: Database;
  let project: ReaderProject;
  let complaints: string;

  beforeAll(async () => {
    [server, db] = await Promise.all([redis(), database()]);
    project = new ReaderProject(documents(), { redis: server.url, database: db.url });
    complaints = project.compile();
    const orm = await shop(db.url, { redis: server.url });
    await orm.schema.update({ safe: true });
    await orm.close();
  });
  afterAll(async () => {
    project[Symbol.dispose]();
    await db.drop();
    await server.stop();
  });

  test('run one after another, and none of them is misunderstood', async () => {
    expect(complaints).toBe('');
    const lines = codeBlocks(page)
      .filter(({ language }) => language === 'sh')
      .flatMap(({ code }) => code.trimEnd().split('\n'));
    expect(lines.length).toBeGreaterThan(10);
    // The move of the shards is last: the configuration has the map before it.
    for (const line of lines) {
      const running = project.spillway(line.replace(/^npx spillway /u, '').split(' '));
      if (line.includes('spillway worker')) {
        await eventually(() => running.errors().includes('The worker writes'), { timeoutMs: 60_000 });
        running.terminate();
      }
      expect({ line, ...(await running.ended) }).toMatchObject({
        line,
        code: expect.toBeOneOf([EXIT.FINE, EXIT.LEFT]) as number,
      });
    }
  }, 600_000);
});
