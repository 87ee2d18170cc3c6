import { readFileSync, statSync } from 'node:fs';

/**
 * The statements that a server has received for one database, read from its log.
 *
 * It is exact: PostgreSQL writes a statement to the log before it runs it, without a buffer, so everything that has
 * been answered can be read. (Only what it cannot parse is missing.) Every `begin` and `commit` is a statement of its
 * own.
 */
export interface StatementLog {
  /** All statements since the database was created, oldest first. */
  all(): string[];
  /** The statements that arrived, from anywhere, while `act` ran. */
  during(act: () => unknown): Promise<string[]>;
}

/** Watches the lines of `database` in a log with the prefix `%d|%p|%a|`. */
export function watchStatements(log: string, database: string): StatementLog {
  const start = statSync(log).size;
  const since = (offset: number) => parseStatements(readFileSync(log).subarray(offset).toString(), database);
  return {
    all: () => since(start),
    async during(act) {
      const before = statSync(log).size;
      await act();
      return since(before);
    },
  };
}

/** Exported for its test: the statements of `database` in the text of a log. */
export function parseStatements(text: string, database: string): string[] {
  const statements: string[] = [];
  let isOurs = false;
  for (const line of text.split('\n')) {
    // A statement of several lines goes on in lines that begin with a tab.
    const last = statements.at(-1);
    if (line.startsWith('\t')) {
      if (isOurs && last !== undefined) statements[statements.length - 1] = `${last}\n${line.slice(1)}`;
      continue;
    }
    const match = /^([^|]*)\|\d+\|[^|]*\|LOG: {2}(?:statement|execute [^:]*): (.*)$/.exec(line);
    isOurs = match?.[1] === database;
    if (isOurs && match?.[2] !== undefined) statements.push(match[2]);
  }
  return statements;
}
