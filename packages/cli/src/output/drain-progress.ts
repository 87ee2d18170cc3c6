import { Presets, SingleBar } from 'cli-progress';
import type { Terminal } from './terminal.js';

/** How often the number of pending rows is asked. Milliseconds. */
const ASK_EVERY_MS = 250;

/**
 * Draws a bar of what is written, while `work` runs. Rows that are staged meanwhile make it longer.
 *
 * @param pending answers how many rows are pending
 */
export async function withDrainProgress<T>(
  terminal: Terminal,
  pending: () => Promise<number>,
  work: () => Promise<T>,
): Promise<T> {
  if (!terminal.hasProgress) return work();
  const first = await pending();
  const bar = new SingleBar(
    {
      format: '{bar} {value} of {total} rows written',
      stream: process.stderr,
      hideCursor: true,
      clearOnComplete: true,
    },
    terminal.hasColour ? Presets.shades_classic : Presets.legacy,
  );
  bar.start(first, 0);
  const show = async (): Promise<void> => {
    const left = await pending();
    bar.setTotal(Math.max(bar.getTotal(), left));
    bar.update(bar.getTotal() - left);
  };
  // The drain itself says what fails.
  const timer = setInterval(() => void show().catch(() => undefined), ASK_EVERY_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    bar.stop();
  }
}
