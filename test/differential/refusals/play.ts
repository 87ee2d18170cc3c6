import { setTimeout as pause } from 'node:timers/promises';
import type { MikroORM } from '@mikro-orm/postgresql';
import type { Spillway } from '@spillway/core';
import { ENTITIES, type Kind } from './gate.js';

/** What one caller does to one row. `refused` is the code that the trigger raises for it. */
export interface Step {
  readonly kind: Kind;
  readonly row: number;
  readonly refused: string | undefined;
  /** Whether the flush ends here: what was changed before goes together. */
  readonly flush: boolean;
  readonly drain: boolean;
}

interface Gate {
  readonly orm: MikroORM;
  readonly spill: Spillway;
}

/** Row -> what has become of it. */
export type Ends = Readonly<Record<string, string>>;

/**
 * Plays a program on rows of its own, and answers what has become of them and what should have. A row whose last
 * change is good is written. A row whose last change a trigger refuses keeps what was written before, if anything
 * was, and that change is a dead letter with the trigger's code.
 */
export async function play(gate: Gate, first: number, steps: readonly Step[]): Promise<{ seen: Ends; meant: Ends }> {
  const meant: Record<string, string> = {};
  let em = gate.orm.em.fork();
  for (const [index, { kind, row, refused, flush, drain }] of steps.entries()) {
    const id = first + row;
    const label = refused === undefined ? `good ${index}` : `raise ${refused}`;
    const known = await em.findOne(ENTITIES[kind], id);
    // A refused row that became a dead letter is no longer there, and is created anew.
    if (known) known.label = label;
    else em.create(ENTITIES[kind], { id, label, place: 'here' });
    meant[`${kind} ${id}`] = refused === undefined ? label : `dead ${refused}`;
    if (flush || drain || index === steps.length - 1) {
      await em.flush();
      em = gate.orm.em.fork();
    }
    if (drain) await settled(gate);
  }
  await settled(gate);
  return { seen: await endsOf(gate, meant), meant };
}

/** A refused row is tried as often as its policy says, after pauses of milliseconds. */
async function settled({ spill }: Gate): Promise<void> {
  for (let round = 0; round < 500; round += 1) {
    await spill.drain();
    const { pending } = await spill.status();
    if (Object.values(pending).every((count) => count === 0)) return;
    await pause(2);
  }
  throw new Error('What is refused is neither written nor a dead letter after 500 drains');
}

async function endsOf({ orm, spill }: Gate, meant: Ends): Promise<Ends> {
  const letters = await spill.deadLetters.list({ limit: 1_000 });
  const ends: Record<string, string> = {};
  for (const [name, end] of Object.entries(meant)) {
    const [kind, id] = name.split(' ') as [Kind, string];
    const rowKey = JSON.stringify(['public', kind.toLowerCase(), id]);
    const isDead = letters.some(
      (letter) =>
        letter.rowKey === rowKey &&
        end === `dead ${letter.code}` &&
        letter.record.values['label'] === JSON.stringify(`raise ${letter.code}`),
    );
    const found = await orm.em.fork().findOne(ENTITIES[kind], Number(id));
    ends[name] = isDead ? end : (found?.label ?? 'nothing');
  }
  return ends;
}
