import { textOf } from '../errors.js';

/**
 * Calls a function of the application, such as a listener or a logger. A failure of the function, at once or by its
 * promise, is a warning of the process. It never reaches the calling code.
 *
 * @param who begins the warning: `A listener of the event 'staged'`
 */
export function tell(listen: () => unknown, who: string): void {
  const warn = (error: unknown): void =>
    process.emitWarning(`${who} has failed: ${textOf(error)}`, {
      type: 'SpillwayListenerWarning',
      code: 'SPILLWAY_LISTENER',
      ...(error instanceof Error && error.stack !== undefined && { detail: error.stack }),
    });
  try {
    const answer = listen();
    if (isThenable(answer)) Promise.resolve(answer).catch(warn);
  } catch (error) {
    warn(error);
  }
}

function isThenable(answer: unknown): answer is PromiseLike<unknown> {
  return typeof answer === 'object' && answer !== null && 'then' in answer && typeof answer.then === 'function';
}
