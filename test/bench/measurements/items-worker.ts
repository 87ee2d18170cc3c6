/** A process that only writes what others have staged of the items: the worker of "sustained" and "thin". */
import { Spillway, WriteBehind } from '@spillway/core';
import type { Sides } from '../process/side.js';
import { Item } from '../support/item.js';
import { openBehind } from '../support/open-behind.js';
import { policyOfItems } from '../support/stands.js';
import { writeAll } from '../support/write-all.js';

export const sides: Sides = {
  async worker(ground) {
    WriteBehind<Item, 'views'>({ ...policyOfItems, cache: { ttl: '1h' } })(Item.class);
    const orm = await openBehind(ground, [Item], true);
    return {
      async round() {
        await writeAll(Spillway.of(orm));
        return {};
      },
      check: () => Promise.resolve(),
      close: () => orm.close(),
    };
  },
};
