import { SpillwayError } from '../../../errors.js';
import { strictest, type Tier } from '../../../policy/durability.js';
import type { StagingLimits } from '../../limits.js';
import type { GroupAnswer, StageGroup } from '../../stage-side.js';
import { heldShort } from '../../staging-errors.js';
import type { ServerLink } from '../server-link.js';
import { GroupScripts } from '../group-scripts.js';
import type { ScriptRunner, ShardScripts } from '../shard-scripts.js';
import type { Durable, DurableCall, DurableServerOptions } from './durable-server.js';

export interface DurabilityOptions extends Pick<DurableServerOptions, 'waitMs' | 'aloneMs' | 'warn'> {
  /** The strictest tier that the policies of this process ask for. */
  readonly claimTier: () => Tier;
}

export interface DurableScriptsOptions extends Pick<DurabilityOptions, 'warn' | 'claimTier'> {
  readonly connection: ServerLink;
  /** The scripts of the same shards, run by another runner. */
  readonly scriptsOn: (runner: ScriptRunner) => ShardScripts;
  readonly limits: StagingLimits;
  /** What runs them. */
  readonly durable: Durable;
}

/** The scripts of one server that wait for a tier. */
export class DurableScripts {
  readonly #options: DurableScriptsOptions;
  readonly #server: Durable;
  readonly #groups = new Map<Tier, GroupScripts>();
  readonly #claims = new Map<Tier, ShardScripts>();
  readonly #holds = new Map<Tier, ShardScripts>();
  readonly #shortfalls = new WeakMap<object, string>();
  /** The strictest tier at which this process has staged or held anything here. */
  #staged: Tier = 'primary';

  constructor(options: DurableScriptsOptions) {
    this.#options = options;
    this.#server = options.durable;
  }

  /** @throws SpillwayError `DURABILITY_UNSUPPORTED` */
  async assure(tier: Tier): Promise<void> {
    await this.#server.assure(tier);
  }

  /** Tells what the policies ask for and the server cannot give. Rejects nothing: only calls that ask are refused. */
  async look(): Promise<void> {
    const tier = this.#options.claimTier();
    if (tier === 'primary') return;
    const { connection, warn } = this.#options;
    const why = await this.#server.whyNot(tier).catch(() => undefined);
    if (why === undefined) return;
    warn(`Spillway: Redis at ${connection.server} ${why}. Until then, calls that ask for it are refused`);
  }

  /** Groups whose answers say what they lack. */
  groupsAt(tier: Tier): GroupScripts {
    this.#staged = strictest(this.#staged, tier);
    return made(this.#groups, tier, () => {
      const scripts = this.#scriptsAt(tier, true, (reply, lacks) => {
        this.#shortfalls.set(reply, lacks);
      });
      return new GroupScripts(scripts, this.#options.limits, (reply) => this.#shortfalls.get(reply));
    });
  }

  /** Finds out about a group also where the server cannot give its tier any more. */
  async fence(group: StageGroup, tier: Tier, plain: GroupScripts): Promise<GroupAnswer> {
    try {
      return await this.groupsAt(tier).fence(group);
    } catch (error) {
      if (!(error instanceof SpillwayError) || error.code !== 'DURABILITY_UNSUPPORTED') throw error;
      const answer = await plain.fence(group);
      return answer.status === 'judged' ? { ...answer, shortfall: 'the server cannot give it now' } : answer;
    }
  }

  /** Rejects a hold that lacks something: its transaction must not commit it. */
  holdsAt(tier: Tier): ShardScripts {
    this.#staged = strictest(this.#staged, tier);
    return made(this.#holds, tier, () =>
      this.#scriptsAt(tier, true, (_, lacks) => {
        throw heldShort(lacks);
      }),
    );
  }

  /**
   * Claims by this process: `undefined` if they wait for nothing. A batch that lacks something is in flight, and must
   * not be written yet: it is as if the claim had no answer. If no replica has been online for a while, or the disk
   * cannot be waited for, nobody can wait, and PostgreSQL is the safer place.
   */
  get claims(): ShardScripts | undefined {
    const tier = strictest(this.#options.claimTier(), this.#staged);
    if (tier === 'primary') return undefined;
    return made(this.#claims, tier, () =>
      this.#scriptsAt(tier, false, (_, lacks) => {
        throw new SpillwayError(
          'STAGING_TIMEOUT',
          `A batch in Redis at ${this.#options.connection.server} was claimed and is not as safe as its policies ask (${lacks}), so it is not written yet. It is claimed again`,
        );
      }),
    );
  }

  async close(): Promise<void> {
    await this.#server.close();
  }

  #scriptsAt(tier: Tier, mustReach: boolean, onShortfall: (reply: unknown[], lacks: string) => void): ShardScripts {
    const { connection, scriptsOn } = this.#options;
    const run = async (call: Pick<DurableCall, 'script' | 'keys' | 'args'>): Promise<unknown[]> => {
      const { reply, shortfall } = await this.#server.run({ ...call, tier, mustReach });
      if (shortfall !== undefined) onShortfall(reply, shortfall);
      return reply;
    };
    return scriptsOn({
      server: connection.server,
      run: async (script, keys, args) => run({ script, keys, args }),
      command: async (name, args) => connection.command(name, args),
    });
  }
}

function made<Value>(known: Map<Tier, Value>, tier: Tier, make: () => Value): Value {
  const value = known.get(tier) ?? make();
  known.set(tier, value);
  return value;
}
