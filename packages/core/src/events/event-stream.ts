import { Observable, Subscriber, type Observer, type Operator, type Subscription } from 'rxjs';
import { tell } from './tell.js';

type Next<T> = ((value: T) => void) | null | undefined;
type Failed = ((error: unknown) => void) | null | undefined;
type Completed = (() => void) | null | undefined;

const WHO = 'A subscriber of events$';

/**
 * An observable whose subscribers cannot end the process; the same holds for every stream piped from it. RxJS throws
 * the error of a subscriber, and an unhandled error of a stream, from a timer, where the application cannot catch it.
 * Here each such error is a warning of the process.
 *
 * @example
 * ```ts
 * events$.pipe(map(toMetric)).subscribe(send); // toMetric fails: a warning, and this stream has ended
 * events$.subscribe(save); // save fails: a warning, and it is called for the next event
 * ```
 */
export class EventStream<T> extends Observable<T> {
  // Operators make their observables by it. RxJS 7 has no other way to make them of this class.
  override lift<R>(operator?: Operator<T, R>): Observable<R> {
    const lifted = new EventStream<R>();
    lifted.source = this;
    lifted.operator = operator;
    return lifted;
  }

  override subscribe(
    observerOrNext?: Partial<Observer<T>> | Next<T>,
    error?: Failed,
    complete?: Completed,
  ): Subscription {
    // Operators subscribe with a `Subscriber`, which passes errors on to the subscriber behind it.
    if (observerOrNext instanceof Subscriber) return super.subscribe(observerOrNext);
    const observer = isObserver(observerOrNext) ? observerOrNext : { next: observerOrNext, error, complete };
    return super.subscribe(guarded(observer));
  }
}

interface LooseObserver<T> {
  readonly next?: Next<T>;
  readonly error?: Failed;
  readonly complete?: Completed;
}

function isObserver<T>(given: Partial<Observer<T>> | Next<T>): given is Partial<Observer<T>> {
  return typeof given === 'object' && given !== null;
}

/** Calls the observer's functions as its methods, as RxJS does. */
function guarded<T>(observer: LooseObserver<T>): Observer<T> {
  return {
    next: (value) => tell(() => observer.next?.(value), WHO),
    error: (error: unknown) =>
      tell(() => {
        if (!observer.error) throw error;
        return observer.error(error);
      }, WHO),
    complete: () => tell(() => observer.complete?.(), WHO),
  };
}
