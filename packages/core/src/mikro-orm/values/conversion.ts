import type { JsonText } from '../../change/change.js';

/** What a `ColumnValue` does with values that are not null. */
export interface Conversion {
  readonly write: (value: unknown) => JsonText;
  readonly read: (text: JsonText) => unknown;
  readonly isExact: (text: JsonText) => boolean;
}
