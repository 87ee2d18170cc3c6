/** Nobody has answered in time. */
export class DeadlinePassed extends Error {
  override readonly name = 'DeadlinePassed';

  constructor(timeoutMs: number) {
    super(`not within ${timeoutMs} ms`);
  }
}

/**
 * Calls once the time has passed. A process that was busy for longer than that runs its timers before it reads its
 * sockets; so an answer that has come meanwhile is looked for before anybody is
 * given up.
 *
 * @returns a function that calls it off
 */
export function afterDeadline(timeoutMs: number, act: () => void): () => void {
  let sockets: NodeJS.Immediate | undefined;
  const timer = setTimeout(() => {
    // Sockets are read between timers and immediates; the second round is for an answer in two parts.
    sockets = setImmediate(() => {
      sockets = setImmediate(act);
    });
  }, timeoutMs);
  return () => {
    clearTimeout(timer);
    clearImmediate(sockets);
  };
}

/** What `promise` answers, or `DeadlinePassed`. */
export async function beforeDeadline<T>(promise: Promise<T>, timeoutMs: number): Promise<T> {
  const { promise: passed, reject } = Promise.withResolvers<never>();
  const callOff = afterDeadline(timeoutMs, () => reject(new DeadlinePassed(timeoutMs)));
  try {
    return await Promise.race([promise, passed]);
  } finally {
    callOff();
  }
}
