import type { CallerQuery } from '../../change-sink.js';
import { onPrimary } from '../on-primary.js';
import type { Cell, ScriptResult, Session } from '../session.js';

/**
 * The connection of the application's transaction, as a session of the sink. All statements of the sink answer texts,
 * whole numbers or flags, which convert back to text whatever type the driver has made of them.
 */
export class CallerSession implements Session {
  readonly #query: CallerQuery;

  constructor(query: CallerQuery) {
    this.#query = query;
  }

  async rows(text: string, values: readonly unknown[]): Promise<readonly (readonly Cell[])[]> {
    const rows = await this.#query(onPrimary(text), values);
    return rows.map((row) => Object.values(row).map(cellOf));
  }

  /**
   * Sends the statements one by one, because not every driver takes several at once. No statement of ours has a
   * semicolon inside.
   */
  async script(text: string): Promise<readonly ScriptResult[]> {
    const results: ScriptResult[] = [];
    const statements = text.split(';').map((part) => part.trim());
    for (const statement of statements.filter((part) => part !== '')) {
      const [command = ''] = statement.split(/\s/, 1);
      results.push({ command: command.toUpperCase(), rows: await this.rows(statement, []) });
    }
    return results;
  }
}

function cellOf(value: unknown): Cell {
  if (value === null || value === undefined) return null;
  if (typeof value === 'boolean') return value ? 't' : 'f';
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint') return String(value);
  throw new TypeError(`The application's database driver has made ${typeof value} of a text`);
}
