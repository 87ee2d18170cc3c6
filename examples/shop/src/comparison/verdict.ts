/** A fault of a row: changes that were acknowledged and are not there, or effects that are there too often. */
export interface Finding {
  readonly effect: 'lost' | 'twice';
  readonly changes: number;
  readonly what: string;
}

export interface Verdict {
  readonly acknowledged: number;
  /** Acknowledged changes whose effect is in PostgreSQL, or was replaced by that of a later one. */
  readonly inPostgres: number;
  readonly lost: number;
  readonly twice: number;
  readonly inDoubt: number;
  readonly findings: readonly Finding[];
}

export function lost(changes: number, what: string): Finding {
  return { effect: 'lost', changes, what };
}

export function twice(changes: number, what: string): Finding {
  return { effect: 'twice', changes, what };
}
