/** The program of a side's process: it does what the benchmark orders, one line after the other, and answers each. */
import type { Answer, Order, Start } from './messages.js';
import { profiled } from './profiled.js';
import type { OpenSide, Sides } from './side.js';

const { measurement, side, ground, profileFile } = JSON.parse(process.argv[2] ?? '{}') as Start;
const { sides } = (await import(`../measurements/${measurement}.js`)) as { readonly sides: Sides };

let open: OpenSide | undefined;
let last = answered(async () => {
  open = await sides[side]?.(ground);
  if (!open) throw new Error(`${measurement} has no side "${side}".`);
  if (profileFile !== undefined) open = profiled(open, profileFile);
  return {};
});

process.on('message', (order: Order) => {
  last = last.then(() => answered(() => carryOut(order)));
});
// The benchmark has ended, however it ended.
process.on('disconnect', () => process.exit());

async function carryOut(order: Order): Promise<OpenSideAnswer> {
  if (!open) throw new Error(`The side "${side}" is not open.`);
  if (order.act === 'round') return open.round(order.round);
  await open[order.act]();
  return {};
}

type OpenSideAnswer = Awaited<ReturnType<OpenSide['round']>>;

async function answered(act: () => Promise<OpenSideAnswer>): Promise<void> {
  let answer: Answer;
  try {
    answer = { readings: await act() };
  } catch (error) {
    answer = { failed: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
  process.send?.(answer);
}
