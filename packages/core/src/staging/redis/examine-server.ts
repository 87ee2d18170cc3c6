import { SpillwayError } from '../../errors.js';
import { checkAnswers } from './answer-check.js';
import type { ShardKeys } from './keys.js';
import { missingRights } from './right-check.js';
import { type Settings, settingsOf } from './server-checks.js';
import { serverText } from './server-kind.js';
import type { ServerLink } from './server-link.js';

/** What the doctor asks one Redis server. Nothing is changed there. */
export interface ServerExamination {
  /** In words: `Valkey 8.0.1 at 127.0.0.1:6379`. */
  readonly server: string;
  /** `undefined`: the server does not let itself be asked. */
  readonly settings: Settings | undefined;
  /** Why scripts cannot be run, or their answers not be read; absent if they can. */
  readonly refusal?: Error;
  /** Commands that the user may not run in scripts. */
  readonly missing: readonly string[];
  /** Bytes. `undefined`: there is no limit, or the server does not tell. */
  readonly memory: { readonly used: number; readonly most: number } | undefined;
}

/** @param keys of a shard that the server has */
export async function examineServer(connection: ServerLink, keys: ShardKeys): Promise<ServerExamination> {
  const server = serverText(await connection.serverKind(), connection.server);
  const settings = await settingsOf(connection);
  const memory = await memoryOf(connection);
  try {
    await checkAnswers(connection);
    return { server, settings, memory, missing: await missingRights(connection, keys) };
  } catch (error) {
    return { server, settings, memory, missing: [], refusal: error as Error };
  }
}

async function memoryOf(connection: ServerLink): Promise<ServerExamination['memory']> {
  try {
    const info = String(await connection.command('INFO', ['memory']));
    const bytes = (name: string): number => Number(new RegExp(`^${name}:(\\d+)`, 'mu').exec(info)?.[1] ?? 0);
    const most = bytes('maxmemory');
    return most > 0 ? { used: bytes('used_memory'), most } : undefined;
  } catch (error) {
    // A user may lack the right to ask.
    if (error instanceof SpillwayError && error.code !== 'CONFIG_INVALID') throw error;
    return undefined;
  }
}
