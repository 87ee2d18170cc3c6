import { SpillwayError } from '../../../errors.js';
import type { Session } from '../session.js';
import { readLastMove, readMapChange } from './map-changes.js';
import { beingMoved } from './prepare.js';
import type { OwnTables } from './tables.js';

/** Whether the shards are where they were when the sink was prepared. */
export class MapOfSink {
  #isMoving = false;
  #lastMove: string | undefined;

  /** For the process that moves the shards itself. */
  isMoved(): void {
    this.#isMoving = true;
  }

  /** Looked at first: a move that ends while the tables are verified has another name. */
  async look(session: Session, tables: OwnTables, namespace: string): Promise<void> {
    this.#lastMove = await readLastMove(session, tables, namespace);
  }

  /** @throws SpillwayError `SHARD_MAP_MISMATCH` */
  async assertSame(session: Session, tables: OwnTables, namespace: string): Promise<void> {
    if (this.#isMoving) return;
    const change = await readMapChange(session, tables, namespace);
    if (change) throw beingMoved(namespace, change);
    if ((await readLastMove(session, tables, namespace)) === this.#lastMove) return;
    throw new SpillwayError(
      'SHARD_MAP_MISMATCH',
      `The shards of the namespace "${namespace}" have been moved by reshard() since this process began; nothing was done. ` +
        'Give all processes the new servers and the new "shards", and start them again',
    );
  }
}
