import type {
  ConnectionsFound,
  DatabaseExamination,
  DatabaseServer,
  Misfit,
  MissingRights,
} from '../../database-examination.js';
import type { Table } from '../../table.js';
import type { Connections } from '../connections.js';
import { ledgerFailureOf } from '../ledger/ledger-failure.js';
import { openConnections } from '../open-connections.js';
import { DEFAULT_LIMITS, type PostgresSinkOptions } from '../options.js';
import { ownTablesIn } from '../ledger/tables.js';
import type { Session } from '../session.js';
import { misfits } from './misfits.js';
import { missingRights } from './missing-rights.js';
import { probeConnections } from './probe-connections.js';
import { serverFacts } from './server-facts.js';

type ExaminationOptions = Pick<PostgresSinkOptions, 'connection' | 'hooks' | 'home' | 'shared' | 'schema'>;

/** Opens the doctor's questions to PostgreSQL, on one connection of their own. It connects at the first call. */
export function openPostgresExamination(options: ExaminationOptions): DatabaseExamination {
  return new PostgresExamination(options);
}

class PostgresExamination implements DatabaseExamination {
  readonly #options: ExaminationOptions;
  readonly #connections: Connections;

  constructor(options: ExaminationOptions) {
    this.#options = options;
    this.#connections = openConnections({ ...options, poolSize: 1 }, DEFAULT_LIMITS);
  }

  async server(): Promise<DatabaseServer> {
    return this.#using(serverFacts);
  }

  async missingRights(tables: readonly Table[]): Promise<readonly MissingRights[]> {
    const own = ownTablesIn(this.#options.schema ?? 'public');
    return this.#using(async (session) => missingRights(session, own, tables));
  }

  async misfits(tables: readonly Table[]): Promise<readonly Misfit[]> {
    return tables.length === 0 ? [] : this.#using(async (session) => misfits(session, tables));
  }

  async connections(count: number, timeoutMs: number): Promise<ConnectionsFound | undefined> {
    if (this.#connections.hasOneConnection) return undefined;
    return probeConnections(this.#options.connection, count, timeoutMs);
  }

  async close(): Promise<void> {
    await this.#connections.close();
    this.#connections.cutOff();
  }

  async #using<T>(use: (session: Session) => Promise<T>): Promise<T> {
    try {
      return await this.#connections.use(use);
    } catch (error) {
      throw ledgerFailureOf(error);
    }
  }
}
