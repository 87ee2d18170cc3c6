/** No answer came in time. */
export class DeadlinePassed extends Error {
  override readonly name = 'DeadlinePassed';

  constructor(timeoutMs: number) {
    super(`not within ${timeoutMs} ms`);
  }
}

/**
 * Calls `act` once the time has passed. A process that was busy for longer runs its timers before it reads its sockets.
 * So the sockets are read once more before `act` is called, because an answer may have come meanwhile.
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

/** Answers as `promise` does, or rejects with `DeadlinePassed`. */
export async function beforeDeadline<T>(promise: Promise<T>, timeoutMs: number): Promise<T> {
  const { promise: first, resolve, reject } = Promise.withResolvers<T>();
  const callOff = afterDeadline(timeoutMs, () => reject(new DeadlinePassed(timeoutMs)));
  promise.then(
    (answer) => {
      callOff();
      resolve(answer);
    },
    (error: unknown) => {
      callOff();
      reject(error);
    },
  );
  return first;
}
