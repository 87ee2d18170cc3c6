import { Doctor } from '../doctor/doctor.js';
import { SpillwayEvents } from '../events.js';
import type { Engine } from '../mikro-orm/engine.js';
import { ForcedDrains, WriteWays } from '../observability/status.js';
import { LossWatch } from '../observability/loss-watch.js';
import { TroubleWatch } from '../observability/trouble-watch.js';
import { ClearedTables } from './cleared-tables.js';
import { logDeadLetters } from './dead-letter-log.js';
import { Holdings } from './holdings.js';
import { Insight } from './insight.js';
import { Leaving } from './leaving.js';
import { Lifecycle } from './lifecycle.js';
import { Pausing } from './pausing.js';
import { PendingLooks } from './pending-looks.js';
import { ownTables, type SpillwayTables } from './own-tables.js';
import { Promotions } from './promotions.js';
import { QueryDrains } from './query-drains.js';
import { RowLooks } from './row-life.js';
import { Resharding } from './resharding.js';
import { Sinks } from './sinks.js';
import { Telemetry } from './telemetry.js';
import { StatementDrains } from './statement-drains.js';
import type { RuntimeSurroundings } from './surroundings.js';
import { Waits } from './waits.js';
import { Writes } from './writes.js';

/**
 * The engine of one ORM, by question: the hooks in MikroORM ask the parts of `Engine`, the service beside it the
 * others.
 */
export class Runtime implements Engine {
  readonly telemetry: Telemetry;
  readonly events: SpillwayEvents;
  readonly life: Lifecycle;
  readonly writes: Writes;
  readonly waits: Waits;
  readonly pending: PendingLooks;
  readonly tables: ClearedTables;
  readonly leaving: Leaving;
  readonly pausing: Pausing;
  readonly insight: Insight;
  readonly rows: RowLooks;
  readonly resharding: Resharding;
  readonly doctor: Doctor;
  readonly ownTables: SpillwayTables;

  constructor(given: Omit<RuntimeSurroundings, 'telemetry'>) {
    const { types, context, logger, options, steps, holdSteps } = given;
    const telemetry = new Telemetry({
      namespace: options.namespace,
      limits: () => Object.fromEntries(types.all.map(({ meta, policy }) => [meta.className, policy.maxPending])),
      status: async () => this.insight.status(),
      health: async () => this.insight.health(),
    });
    const around: RuntimeSurroundings = { ...given, telemetry };
    const events = new SpillwayEvents(telemetry);
    this.telemetry = telemetry;
    this.events = events;
    const trouble = new TroubleWatch(events);
    const losses = new LossWatch(events, logger);
    const forced = new ForcedDrains();
    const ways = new WriteWays((row) => types.ofRow(row)?.meta.className);
    const promotions = new Promotions(steps);
    const holdings = new Holdings(events, holdSteps);
    const sinks = new Sinks(around, events, (paused) => this.pausing.note(paused));
    const isOver = async (): Promise<boolean> => this.leaving.isOver();
    const closing = (): void => {
      losses.say();
      trouble.forget();
      telemetry.closed();
    };
    const life = new Lifecycle({ around, events, sinks, isOver, closing });
    const open = async (): ReturnType<Lifecycle['open']> => life.open();
    this.life = life;
    this.pausing = new Pausing({ types, events, life });
    const { pausing } = this;
    const queryDrains = new QueryDrains({ types, events, forced, open, pausing });
    const statementDrains = new StatementDrains({ types, events, promotions, holdings, ways, pausing });
    this.leaving = new Leaving({ around, life });
    this.tables = new ClearedTables({ ensure: options.tables.ensure, events, sinks, life });
    this.pending = new PendingLooks({ context, holdings, promotions, open, isOver });
    this.waits = new Waits({ around, events, life, queryDrains, statementDrains, pausing, isOver });
    const { waits } = this;
    this.writes = new Writes({ around, events, trouble, ways, life, holdings, statementDrains, waits });
    this.insight = new Insight({ types, forced, ways, trouble, losses, pausing, open, isOver });
    this.rows = new RowLooks(open);
    this.resharding = new Resharding({ around, events, sinks, life, pausing });
    this.doctor = new Doctor({ around, sinks, life });
    this.ownTables = ownTables(around, sinks);
    logDeadLetters(events, logger, options);
  }

  get cache(): Engine['cache'] {
    return this.life.cache;
  }
}
