import type { MikroORM } from '@mikro-orm/core';
import type { Query } from '../comparison/read-rows.js';
import type { Journal } from '../journal/journal.js';
import type { Crew } from '../processes/crew.js';
import type { Accident } from '../run/opening-hours.js';
import type { Catalogue } from '../traffic/catalogue.js';

/** Where the shop of one run is, and who works there. Nothing of it is left when the run is over. */
export interface Premises extends AsyncDisposable {
  /** The ORM of the main process, on an empty database. */
  readonly orm: MikroORM;
  /** The folder of the journals. */
  readonly journals: string;
  /** The processes that are killed while the shop is open. */
  readonly accidents: readonly Accident[];
  /** @param onCrash hears of a process that has ended by itself */
  hire(shop: { readonly journal: Journal; readonly catalogue: Catalogue }, onCrash: (error: Error) => void): Crew;
  /** Plain SQL, past MikroORM and Spillway. */
  readonly query: Query;
}
