/** Nobody has answered in time. */
export class DeadlinePassed extends Error {
  override readonly name = 'DeadlinePassed';

  constructor(timeoutMs: number) {
    super(`not within ${timeoutMs} ms`);
  }
}

/**
 * What `promise` answers, or `DeadlinePassed`. A process that was busy for longer than that runs its timers before it reads its sockets; so an answer that has come meanwhile is looked for
 * before anybody is given up.
 */
export async function beforeDeadline<T>(promise: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let sockets: NodeJS.Immediate | undefined;
  const passed = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      // Sockets are read between timers and immediates; the second round is for an answer in two parts.
      sockets = setImmediate(() => {
        sockets = setImmediate(() => reject(new DeadlinePassed(timeoutMs)));
      });
    }, timeoutMs);
  });
  try {
    return await Promise.race([promise, passed]);
  } finally {
    clearTimeout(timer);
    clearImmediate(sockets);
  }
}
