import type { MikroORM } from '@mikro-orm/core';
import type { Durability } from '@spillway/core';
import type { Query } from '../comparison/read-rows.js';
import type { Journal } from '../journal/journal.js';
import type { Crew } from '../processes/crew.js';
import type { Accident } from '../run/opening-hours.js';
import type { ShopKind } from '../shop/kind.js';
import type { Catalogue } from '../traffic/catalogue.js';

/** Where the shops of one run are. Nothing of it is left when the run is over. */
export interface Premises extends AsyncDisposable {
  /** The shop whose entities are written behind. */
  readonly behind: Rooms;
  /** The processes of it that are killed while it is open. */
  readonly accidents: readonly Accident[];
  /** The durability that does not keep what an accident takes; `undefined`: nothing acknowledged may be lost. */
  readonly mayLose?: Durability | undefined;
  /** Makes room for the shop on plain MikroORM. The other one must have closed: they share their classes. */
  openPlain(): Promise<Rooms>;
  /** Plain SQL, past MikroORM and Spillway. */
  readonly query: Query;
}

/** What one shop has to itself. */
export interface Rooms {
  readonly kind: ShopKind;
  /** The ORM of the main process, on empty tables. */
  readonly orm: MikroORM;
  /** The folder of the journals. */
  readonly journals: string;
  /** @param onCrash hears of a process that has ended by itself */
  hire(shop: { readonly journal: Journal; readonly catalogue: Catalogue }, onCrash: (error: Error) => void): Crew;
}
