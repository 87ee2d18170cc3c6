import type pg from 'pg';

/** What PostgreSQL sends, as it sends it: nothing is parsed by type, whatever parsers the application has set for `pg`. */
export type Cell = string | null;

/** One connection as the sink uses it. */
export class Session {
  readonly #client: pg.ClientBase;

  constructor(client: pg.ClientBase) {
    this.#client = client;
  }

  /** One statement with parameters: unnamed, so that any pooler in between may move the next one to another server connection. */
  async rows(text: string, values: readonly unknown[]): Promise<readonly (readonly Cell[])[]> {
    const result = await this.#client.query<Cell[]>({ text, values: [...values], rowMode: 'array', types: AS_SENT });
    return result.rows;
  }

  /** Several statements without parameters in one round trip; answers the command tags' first words and the rows of each. */
  async script(text: string): Promise<readonly ScriptResult[]> {
    const results: unknown = await this.#client.query({ text, rowMode: 'array', types: AS_SENT });
    return (Array.isArray(results) ? results : [results]) as ScriptResult[];
  }
}

export interface ScriptResult {
  readonly command: string;
  readonly rows: readonly (readonly Cell[])[];
}

export const AS_SENT: pg.CustomTypesConfig = { getTypeParser: () => (text: unknown) => text };
