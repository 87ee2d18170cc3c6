import type { History, RowName } from '../journal/change.js';
import { compareRow, type StoredRow } from './compare-row.js';
import { RowHistory } from './row-history.js';
import type { Finding, Verdict } from './verdict.js';

/** A row of the database, under the name that the journals give it. */
export type NamedRow = RowName & StoredRow;

/**
 * Holds what was acknowledged against what is in the database, row by row. It knows nothing of Spillway: journals and
 * tables are all that it sees.
 */
export function compare({ acknowledged, inDoubt }: History, stored: readonly NamedRow[]): Verdict {
  const acknowledgedOf = Map.groupBy(acknowledged, nameOf);
  const inDoubtOf = Map.groupBy(inDoubt, nameOf);
  const storedOf = Map.groupBy(stored, nameOf);

  const names = new Set([...acknowledgedOf.keys(), ...inDoubtOf.keys(), ...storedOf.keys()]);
  const findings = [...names].flatMap((name) => {
    const history = new RowHistory(acknowledgedOf.get(name) ?? [], inDoubtOf.get(name) ?? []);
    const ofRow = compareRow(history, storedOf.get(name) ?? []);
    return ofRow.map((finding) => ({ ...finding, what: `${name} ${finding.what}` }));
  });

  const lost = sum(findings, 'lost');
  return {
    acknowledged: acknowledged.length,
    inPostgres: acknowledged.length - lost,
    lost,
    twice: sum(findings, 'twice'),
    inDoubt: inDoubt.length,
    findings,
  };
}

function nameOf({ table, row }: RowName): string {
  return `${table} ${row}`;
}

function sum(findings: readonly Finding[], effect: Finding['effect']): number {
  return findings.filter((finding) => finding.effect === effect).reduce((total, { changes }) => total + changes, 0);
}
