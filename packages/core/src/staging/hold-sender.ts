import { type CallSender, deliveryOf, endOf, type UnitEnd, type UnitSender } from './senders.js';
import type { RulesByEntity } from './entity-rules.js';
import type { Delivery } from './stage-result.js';
import type { GroupAnswer, HeldChanges, HoldCall, StageGroup } from './stage-side.js';

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
    const group: StageGroup = { id: call.id, units: [call], rules: call.rules, ...(call.tier && { tier: call.tier }) };
    let mayRun = false;
    const delivery = await this.#units.send(call, rules, async (untilMs): Promise<UnitEnd> => {
      const end = await this.#calls.send(group, async () => this.#hold(call), untilMs);
      if (end.status === 'judged' && end.wasLost) mayRun = true;
      return endOf(end, group, 0);
    });
    if (delivery.status !== 'refused' || !mayRun) return delivery;
    // A refused hold is not remembered. An earlier copy, whose answer did not come, may yet run, and find room. It is
    // fenced when nothing is waited for any more, since a hold that is fenced is not held at a later try either.
    const fenced = endOf(await this.#calls.fence(group), group, 0);
    return fenced.status === 'voided' ? delivery : deliveryOf(fenced);
  }

  async #hold(call: HoldCall): Promise<GroupAnswer> {
    const answer = await this.#held.hold(call);
    return answer.status === 'voided' ? answer : { status: 'judged', units: [answer] };
  }
}
