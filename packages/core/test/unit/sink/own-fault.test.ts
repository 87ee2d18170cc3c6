import { expect, test } from 'vitest';
import { isOwnFault } from '../../../src/sink/postgres/apply/own-fault.js';
import type { Fault } from '../../../src/sink/postgres/fault.js';

function fault(sqlstate: string, origin?: Fault['origin']): Fault {
  return { kind: 'row', sqlstate, reason: 'refused', ...(origin && { origin }) };
}

test("a value that does not fit is the row's own fault, unless a function says so, which may look at other rows", () => {
  for (const sqlstate of ['22003', '23502', '23514', '42804', '54000']) {
    expect(isOwnFault(fault(sqlstate))).toBe(true);
    expect(isOwnFault(fault(sqlstate, 'statement'))).toBe(true);
    expect(isOwnFault(fault(sqlstate, 'function'))).toBe(false);
    expect(isOwnFault(fault(sqlstate, 'raised'))).toBe(false);
  }
});

test('what another row may be the cause of is no fault of the row alone, whatever SQLSTATE a trigger names', () => {
  for (const sqlstate of ['23503', '23505', '23P01', 'P0001', 'SH001', '40001'])
    expect(isOwnFault(fault(sqlstate))).toBe(false);
});
