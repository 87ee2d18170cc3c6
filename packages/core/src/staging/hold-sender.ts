import type { CallSender } from './call-sender.js';
import type { RulesByEntity } from './entity-rules.js';
import type { Delivery } from './stage-result.js';
import type { GroupAnswer, HeldChanges, HoldCall, StageGroup } from './stage-side.js';
import { endOf, type UnitEnd, type UnitSender } from './unit-sender.js';

/** Sends holds of transactions: each alone, under an id of its own. */
export class HoldSender {
  readonly #held: HeldChanges;
  readonly #calls: CallSender;
  readonly #units: UnitSender;

  constructor(held: HeldChanges, calls: CallSender, units: UnitSender) {
    this.#held = held;
    this.#calls = calls;
    this.#units = units;
  }

  async hold(call: HoldCall, rules: RulesByEntity): Promise<Delivery> {
    const group: StageGroup = { id: call.id, units: [call], rules: call.rules };
    return this.#units.send(call, rules, async (untilMs) => this.#ask(call, group, untilMs));
  }

  async #ask(call: HoldCall, group: StageGroup, untilMs: number): Promise<UnitEnd> {
    const end = await this.#calls.send(group, async () => this.#hold(call), untilMs);
    const answer = endOf(end, group, 0);
    if (answer.status !== 'refused' || end.status !== 'judged' || !end.wasLost) return answer;
    // A refused hold is not remembered. An earlier copy, whose answer did not come, may yet run, and find room.
    const fenced = endOf(await this.#calls.fence(group), group, 0);
    return fenced.status === 'voided' ? answer : fenced;
  }

  async #hold(call: HoldCall): Promise<GroupAnswer> {
    const answer = await this.#held.hold(call);
    return answer.status === 'voided' ? answer : { status: 'judged', units: [answer] };
  }
}
