import { VirtualAction, VirtualTimeScheduler } from 'rxjs';

const LONGEST_MS = 3_600_000;

/** Time that passes when the test says so. Between two moments all promises that can go on do. */
export class VirtualTime {
  readonly scheduler = new VirtualTimeScheduler(VirtualAction, 0);

  get now(): number {
    return this.scheduler.frame;
  }

  async advance(ms: number): Promise<void> {
    const end = this.now + ms;
    for (;;) {
      await settle();
      const next = this.scheduler.actions[0];
      if (next?.delay === undefined || next.delay > end) {
        break;
      }
      this.scheduler.maxFrames = next.delay;
      this.scheduler.flush();
    }
    this.scheduler.frame = end;
  }

  /** A promise that resolves when so much time has passed. */
  wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.scheduler.schedule(() => resolve(), ms);
    });
  }

  /** Lets time pass until the promise has settled. */
  async until<T>(promise: Promise<T>): Promise<T> {
    const waiting = new Set([promise]);
    const settled = promise.finally(() => waiting.clear());
    settled.catch(() => {});
    while (waiting.size > 0 && this.now < LONGEST_MS) {
      await this.advance(1);
    }
    return settled;
  }
}

/** Until no promise has anything left to do. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}
