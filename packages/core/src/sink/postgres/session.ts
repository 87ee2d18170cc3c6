import type pg from 'pg';
import { onPrimary } from './on-primary.js';

/** A value exactly as PostgreSQL sends it: not parsed by type, whatever parsers the application has set for `pg`. */
export type Cell = string | null;

/** One connection, as the sink uses it. */
export interface Session {
  /** One statement with parameters. */
  rows(text: string, values: readonly unknown[]): Promise<readonly (readonly Cell[])[]>;
  /** Several statements without parameters. Answers the first word of each command tag, and its rows. */
  script(text: string): Promise<readonly ScriptResult[]>;
}

/** A connection of `pg`. */
export class PgSession implements Session {
  readonly #client: pg.ClientBase;

  constructor(client: pg.ClientBase) {
    this.#client = client;
  }

  /** Unnamed, so that a pooler in between may send the next statement to another server connection. */
  async rows(text: string, values: readonly unknown[]): Promise<readonly (readonly Cell[])[]> {
    const query = { text: onPrimary(text), values: [...values], rowMode: 'array' as const, types: AS_SENT };
    const result = await this.#client.query<Cell[]>(query);
    return result.rows;
  }

  /** In one round trip. */
  async script(text: string): Promise<readonly ScriptResult[]> {
    const results: unknown = await this.#client.query({ text, rowMode: 'array', types: AS_SENT });
    return (Array.isArray(results) ? results : [results]) as ScriptResult[];
  }
}

export interface ScriptResult {
  readonly command: string;
  readonly rows: readonly (readonly Cell[])[];
}

const AS_SENT: pg.CustomTypesConfig = { getTypeParser: () => (text: unknown) => text };
