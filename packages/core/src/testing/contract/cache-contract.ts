import type { RowKey } from '../../change/row-key.js';
import type { BlockScope } from '../../staging/row-cache.js';
import type { ContractContext } from './bench.js';
import { bytesOf, fill, look, PRODUCTS, ticketFor, TTL_MS } from './copies.js';
import { stageOne } from './one-unit.js';

const ORDERS = { schema: 'public', table: 'order' };

/** Copies of rows. A copy is never older than the end of a batch, or of a transaction that has blocked its row (H4). */
export function cacheContract({ describe, it, expect, onBench }: ContractContext): void {
  describe('cache', () => {
    it(
      'gives one ticket for a row that it does not have, and keeps what its holder has read',
      onBench(async (bench) => {
        const ticket = await ticketFor(bench);
        expect(await look(bench)).toEqual({ kind: 'taken' });
        expect(await fill(bench, ticket, 'v5')).toBe(1);
        expect(await look(bench)).toEqual({ kind: 'copy', bytes: bytesOf('v5'), carried: [] });
        expect(await fill(bench, ticket, 'v4')).toBe(0);
      }),
    );

    it(
      'H4: what was read before a change was staged, flushed and acknowledged is not kept after it',
      onBench(async (bench) => {
        const ticket = await ticketFor(bench);
        await bench.stage({ base: '5', version: '6' });
        expect(await look(bench)).toEqual({ kind: 'taken' });
        const batch = await bench.claim();
        expect(await look(bench)).toEqual({ kind: 'pending' });
        await bench.end(batch);
        expect(await fill(bench, ticket, 'v5')).toBe(0);
        expect(await fill(bench, await ticketFor(bench), 'v6')).toBe(1);
      }),
    );

    it(
      'H4: a copy does not come back once what was staged over it is settled otherwise than as it was staged',
      onBench(async (bench) => {
        await fill(bench, await ticketFor(bench), 'v5');
        await bench.stage({ base: '5', version: '6' });
        await bench.flush({ 0: { kind: 'version', version: '8' } });
        expect(await look(bench)).toMatchObject({ kind: 'ticket' });
      }),
    );

    it(
      'H4: a held row that its transaction has written itself has no copy, and no ticket, once the hold has ended',
      onBench(async (bench) => {
        await fill(bench, await ticketFor(bench), 'v5');
        const { id } = await bench.hold('7', [], { base: '5', version: '6' });
        await bench.store.held.stage(0, new Map([[id, [bench.row(0)]]]));
        const ticket = await ticketFor(bench);
        const again = await bench.hold('8', [], { base: '6', version: '7' });
        await bench.store.held.stage(0, new Map([[again.id, [bench.row(0)]]]));
        expect(await fill(bench, ticket, 'v6')).toBe(0);
        expect(await look(bench)).toMatchObject({ kind: 'ticket' });
      }),
    );

    it(
      'a hold that is rolled back leaves the copy',
      onBench(async (bench) => {
        await fill(bench, await ticketFor(bench), 'v5');
        const { id } = await bench.hold('7', [], { base: '5', version: '6' });
        await bench.store.held.drop(0, [id]);
        expect(await look(bench)).toMatchObject({ kind: 'copy' });
      }),
    );

    it(
      'a refused change, and one that was only asked about, leave the copy',
      onBench(async (bench) => {
        await bench.stage({ base: '5', version: '6' });
        await bench.flush();
        await fill(bench, await ticketFor(bench), 'v6');
        const asked = bench.call({ base: '6', version: '7' });
        await bench.store.check(asked, asked.rules);
        expect((await bench.stage({ base: '5', version: '6' })).status).toBe('refused');
        expect(await look(bench)).toMatchObject({ kind: 'copy' });
      }),
    );

    it(
      'H4: a row that a transaction writes has no copy until it has ended, and nothing that was read before stays',
      onBench(async (bench) => {
        const rows = { table: PRODUCTS, keys: [bench.row(0)] };
        const ticket = await ticketFor(bench);
        await bench.store.cache.block(rows, '101');
        expect(await look(bench)).toEqual({ kind: 'blocked', by: 'row', transactions: ['101'] });
        expect(await fill(bench, ticket, 'v5')).toBe(0);
        await bench.store.cache.unblock(rows, '101');
        expect(await fill(bench, ticket, 'v5')).toBe(0);
        expect(await look(bench)).toMatchObject({ kind: 'ticket' });
        expect(await look(bench, bench.row(1))).toMatchObject({ kind: 'ticket' });
      }),
    );

    it(
      'a copy is gone with the block, and comes back with the last of those who write it',
      onBench(async (bench) => {
        const rows = { table: PRODUCTS, keys: [bench.row(0)] };
        await fill(bench, await ticketFor(bench), 'v5');
        await bench.store.cache.block(rows, '101');
        await bench.store.cache.block(rows, '102');
        await bench.store.cache.block(rows, '101');
        await bench.store.cache.unblock(rows, '101');
        expect(await look(bench)).toEqual({ kind: 'blocked', by: 'row', transactions: ['102'] });
        await bench.store.cache.unblock(rows, '102');
        expect(await look(bench)).toMatchObject({ kind: 'ticket' });
      }),
    );

    it(
      'a block that was forgotten drops what was kept meanwhile when it ends',
      onBench(async (bench) => {
        const scopes: readonly BlockScope[] = [
          { table: PRODUCTS, keys: [bench.row(0)] },
          { table: PRODUCTS, keys: 'all' },
        ];
        for (const scope of scopes) {
          await fill(bench, await ticketFor(bench), 'v5');
          await bench.store.cache.unblock(scope, '101');
          expect(await look(bench)).toMatchObject({ kind: 'ticket' });
          await bench.store.cache.clear();
        }
      }),
    );

    it(
      'a table that is written as a whole has no copies, in any shard; other tables keep theirs',
      onBench(async (bench) => {
        await bench.store.adopt(1, 'T0');
        const [here, there] = [bench.row(0), bench.row(0, 'product', 1)];
        const order = bench.row(0, 'order');
        for (const row of [here, there]) await fill(bench, await ticketFor(bench, row), 'v5', row);
        const orderTicket = await ticketFor(bench, order, ORDERS);
        await bench.store.cache.keep(ORDERS, [{ rowKey: order, ticket: orderTicket, bytes: bytesOf('o') }], TTL_MS);
        const ticket = await ticketFor(bench, bench.row(1));
        await bench.store.cache.block({ table: PRODUCTS, keys: 'all' }, '101');
        for (const row of [here, there]) {
          expect(await look(bench, row)).toEqual({ kind: 'blocked', by: 'table', transactions: ['101'] });
        }
        await bench.store.cache.unblock({ table: PRODUCTS, keys: 'all' }, '101');
        for (const row of [here, there]) expect(await look(bench, row)).toMatchObject({ kind: 'ticket' });
        expect(await fill(bench, ticket, 'v5', bench.row(1))).toBe(0);
        expect((await bench.store.cache.look(ORDERS, [order])).get(order)).toMatchObject({ kind: 'copy' });
      }),
    );

    it(
      'works in a shard that nobody has adopted: nothing is pending there',
      onBench(async (bench) => {
        const row = bench.row(0, 'product', 2);
        await fill(bench, await ticketFor(bench, row), 'v5', row);
        expect(await look(bench, row)).toMatchObject({ kind: 'copy' });
        expect(await bench.store.adopt(2, 'T0')).toBe('adopted');
        await fill(bench, await ticketFor(bench, row), 'v5', row);
        await stageOne(bench.store, bench.call({ rowKey: row, base: '5', version: '6' }));
        expect(await look(bench, row)).toMatchObject({ kind: 'copy', pending: { dirty: { version: '6' } } });
      }),
    );

    it(
      'H16 (R4): an acknowledgement that finds its batch gone drops copies and tickets of its rows, and of no others',
      onBench(async (bench) => {
        const [gone, other] = [bench.row(0), bench.row(2)];
        for (const row of [gone, other]) await fill(bench, await ticketFor(bench, row), 'v5', row);
        const ticket = await ticketFor(bench, bench.row(1));
        expect(await bench.store.acknowledge(0, 'T9', new Map(), [gone, bench.row(1)])).toBe(false);
        expect(await look(bench, gone)).toMatchObject({ kind: 'ticket' });
        expect(await fill(bench, ticket, 'v5', bench.row(1))).toBe(0);
        expect(await look(bench, other)).toMatchObject({ kind: 'copy' });
      }),
    );

    it(
      'H16 (R4): so does one that finds the shard forgotten',
      onBench(async (bench) => {
        const row = bench.row(0, 'product', 2);
        await fill(bench, await ticketFor(bench, row), 'v5', row);
        expect(await bench.store.acknowledge(2, 'T9', new Map(), [row])).toBe(false);
        expect(await look(bench, row)).toMatchObject({ kind: 'ticket' });
      }),
    );

    it(
      'H16 (R4): parking a shard drops all its copies and tickets',
      onBench(async (bench) => {
        await fill(bench, await ticketFor(bench), 'v5');
        const ticket = await ticketFor(bench, bench.row(1));
        await bench.store.park(0, { inFlight: 'T8', last: 'T7' }, 'T9', 'park');
        expect(await look(bench)).toMatchObject({ kind: 'copy' });
        await bench.store.park(0, { inFlight: '', last: bench.last }, 'T9', 'park');
        expect(await look(bench)).toMatchObject({ kind: 'ticket' });
        expect(await fill(bench, ticket, 'v5', bench.row(1))).toBe(0);
      }),
    );

    it(
      'H16 (R4): adopting a shard that the store has forgotten drops all its copies and tickets',
      onBench(async (bench) => {
        const [copied, asked] = [bench.row(0, 'product', 2), bench.row(1, 'product', 2)];
        await fill(bench, await ticketFor(bench, copied), 'v5', copied);
        const ticket = await ticketFor(bench, asked);
        expect(await bench.store.adopt(2, 'T9')).toBe('adopted');
        expect(await look(bench, copied)).toMatchObject({ kind: 'ticket' });
        expect(await fill(bench, ticket, 'v5', asked)).toBe(0);
        expect(
          await fill(bench, await ticketFor(bench, bench.row(2, 'product', 2)), 'v5', bench.row(2, 'product', 2)),
        ).toBe(1);
        expect(await bench.store.adopt(2, 'T9')).toBe('present');
        expect(await look(bench, bench.row(2, 'product', 2))).toMatchObject({ kind: 'copy' });
      }),
    );

    it(
      'H16 (R4): emptying a shard drops all its copies and tickets, also where it has no chain',
      onBench(async (bench) => {
        for (const shard of [0, 2]) {
          const [copied, asked] = [bench.row(0, 'product', shard), bench.row(1, 'product', shard)];
          await fill(bench, await ticketFor(bench, copied), 'v5', copied);
          const ticket = await ticketFor(bench, asked);
          await bench.store.empty(shard, { kind: 'tables', tables: [PRODUCTS] }, 'T0');
          expect(await look(bench, copied)).toMatchObject({ kind: 'ticket' });
          expect(await fill(bench, ticket, 'v5', asked)).toBe(0);
        }
      }),
    );

    it(
      'answers many rows at once, each by its own',
      onBench(async (bench) => {
        await fill(bench, await ticketFor(bench), 'v5');
        await bench.stage({ rowKey: bench.row(1), base: '5', version: '6' });
        await bench.claim();
        const [copied, pending, open] = [0, 1, 2].map((number) => bench.row(number)) as [RowKey, RowKey, RowKey];
        const found = await bench.store.cache.look(PRODUCTS, [copied, pending, open]);
        expect([copied, pending, open].map((row) => found.get(row)?.kind)).toEqual(['copy', 'pending', 'ticket']);
      }),
    );

    it(
      'a ticket that is given back is given to the next',
      onBench(async (bench) => {
        const ticket = await ticketFor(bench);
        expect(await bench.store.cache.keep(PRODUCTS, [{ rowKey: bench.row(0), ticket: 'other' }], TTL_MS)).toBe(0);
        expect(await look(bench)).toEqual({ kind: 'taken' });
        expect(await bench.store.cache.keep(PRODUCTS, [{ rowKey: bench.row(0), ticket }], TTL_MS)).toBe(0);
        expect(await look(bench)).toMatchObject({ kind: 'ticket' });
      }),
    );

    it(
      'clear() forgets copies and tickets',
      onBench(async (bench) => {
        await fill(bench, await ticketFor(bench), 'v5');
        const ticket = await ticketFor(bench, bench.row(1));
        await bench.store.cache.clear();
        expect(await fill(bench, ticket, 'v5', bench.row(1))).toBe(0);
        expect(await look(bench)).toMatchObject({ kind: 'ticket' });
      }),
    );

    it(
      'keeps what has room, the oldest go first, and what is larger than half of it is not kept',
      onBench(
        async (bench) => {
          const kept = 'x'.repeat(600);
          for (let number = 0; number < 10; number += 1)
            await fill(bench, await ticketFor(bench, bench.row(number)), kept, bench.row(number));
          expect(await look(bench, bench.row(9))).toMatchObject({ kind: 'copy' });
          expect(await look(bench, bench.row(0))).toMatchObject({ kind: 'ticket' });
          const ticket = await ticketFor(bench, bench.row(11));
          expect(await fill(bench, ticket, 'x'.repeat(3_000), bench.row(11))).toBe(0);
        },
        { cacheBytes: 4_000 },
      ),
    );
  });
}
