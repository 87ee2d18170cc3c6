import type { JsonText } from '../../change/change.js';

/** The conversions behind a `ColumnValue`, for values that are not null. */
export interface Conversion {
  /** See `ColumnValue.takes`. */
  readonly takes: (value: unknown) => boolean;
  readonly write: (value: unknown) => JsonText;
  /** Total: it never throws, whatever text was written. */
  readonly read: (text: JsonText) => unknown;
  readonly isExact: (text: JsonText) => boolean;
}
