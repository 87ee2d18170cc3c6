import { parseRowKey, type RowKey } from '../change/row-key.js';
import { SpillwayError } from '../errors.js';

/** The change that a caller waited for became a dead letter: it is not in the database. */
export class DeadLetteredError extends SpillwayError {
  override readonly name = 'DeadLetteredError';
  readonly rowKey: RowKey;
  /** Why the record was buried: an SQLSTATE, or a word such as `CONFLICT`. */
  readonly letterCode: string;
  /** The same in words; absent if the dead letter has been discarded since. */
  readonly reason: string | undefined;

  constructor(rowKey: RowKey, letterCode: string, reason: string | undefined) {
    const { table, key } = parseRowKey(rowKey);
    super(
      'DEAD_LETTERED',
      `A change of ${table} ${key.join(', ')} was not written and became a dead letter (${letterCode}): ${reason ?? 'it has been discarded since'}. ` +
        'Look at it with deadLetters.list(), then retry() or discard() it',
    );
    this.rowKey = rowKey;
    this.letterCode = letterCode;
    this.reason = reason;
  }
}
