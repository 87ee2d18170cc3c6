import { Subject, filter, map, tap } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type SpillwayEvent, SpillwayEvents } from '../../../src/events.js';

const staged: SpillwayEvent = { type: 'staged', shard: 3, changes: 2 };

describe('events', () => {
  it('reach the listeners of their name and the observable, until these leave', () => {
    const events = new SpillwayEvents();
    const heard: string[] = [];
    const off = events.on('staged', ({ changes }) => heard.push(`staged ${changes}`));
    events.on('sink-up', () => heard.push('up'));
    const subscription = events.events$.subscribe(({ type }) => heard.push(`all ${type}`));

    events.emit(staged);
    events.emit({ type: 'sink-up' });
    off();
    subscription.unsubscribe();
    events.emit(staged);

    expect(heard).toEqual(['staged 2', 'all staged', 'up', 'all sink-up']);
  });

  it('are not worth making when nobody listens', () => {
    const events = new SpillwayEvents();
    expect(events.heard('staged')).toBe(false);
    const off = events.on('staged', () => {});
    expect(events.heard('staged')).toBe(true);
    expect(events.heard('sink-up')).toBe(false);
    off();
    expect(events.heard('staged')).toBe(false);
    const subscription = events.events$.pipe(filter(({ type }) => type === 'staged')).subscribe();
    expect(events.heard('staged')).toBe(true);
    subscription.unsubscribe();
    expect(events.heard('staged')).toBe(false);
  });

  it('go through operators to any kind of observer', () => {
    const events = new SpillwayEvents();
    const heard: unknown[] = [];
    const subject = new Subject<string>();
    subject.subscribe((type) => heard.push(`subject ${type}`));
    const types$ = events.events$.pipe(
      tap({ next: ({ type }) => heard.push(`tap ${type}`) }),
      map(({ type }) => type),
    );
    types$.subscribe(subject);
    types$.subscribe({
      next(type) {
        heard.push(this === observer, type);
      },
    });
    const observer = {
      heard: [] as string[],
      next(type: string) {
        this.heard.push(type);
      },
    };
    types$.subscribe(observer);
    types$.subscribe(null);

    events.emit(staged);

    expect(heard).toEqual(['tap staged', 'subject staged', 'tap staged', false, 'staged', 'tap staged', 'tap staged']);
    expect(observer.heard).toEqual(['staged']);
  });
});

describe('a listener that fails is a warning, and the others still hear the event:', () => {
  const warnings: Error[] = [];
  const note = (warning: Error): unknown => warnings.push(warning);
  beforeEach(() => void process.on('warning', note));
  afterEach(() => {
    process.off('warning', note);
    warnings.length = 0;
  });

  /** A warning is told in a later turn, and an unhandled rejection would be too: that one fails the test run. */
  async function turns(): Promise<void> {
    for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
  }

  const failure = new Error('a bad listener');

  it.each<[string, (events: SpillwayEvents) => void, string]>([
    [
      'one that throws',
      (events) =>
        events.on('staged', () => {
          throw failure;
        }),
      `A listener of the event 'staged' has failed: a bad listener`,
    ],
    [
      'one whose promise rejects',
      (events) =>
        events.on('staged', async () => {
          await Promise.resolve();
          throw failure;
        }),
      `A listener of the event 'staged' has failed: a bad listener`,
    ],
    [
      'one that answers something that only looks like a promise',
      (events) =>
        // oxlint-disable-next-line unicorn/no-thenable -- what is tested
        events.on('staged', () => ({ then: (_: unknown, reject: (error: Error) => void) => reject(failure) })),
      `A listener of the event 'staged' has failed: a bad listener`,
    ],
    [
      'one that throws what has no text',
      (events) =>
        events.on('staged', () => {
          throw Object.create(null);
        }),
      `A listener of the event 'staged' has failed: something that is no Error was thrown: a value of type object`,
    ],
    [
      'a subscriber that throws',
      (events) =>
        events.events$.subscribe(() => {
          throw failure;
        }),
      'A subscriber of events$ has failed: a bad listener',
    ],
    [
      'a subscriber whose promise rejects',
      (events) =>
        events.events$.subscribe({
          // oxlint-disable-next-line typescript/no-misused-promises -- what is tested
          next: async () => Promise.reject(failure),
        }),
      'A subscriber of events$ has failed: a bad listener',
    ],
    [
      'a subscriber behind operators',
      (events) =>
        events.events$
          .pipe(
            filter(({ type }) => type === 'staged'),
            map(({ type }) => type),
          )
          .subscribe(() => {
            throw failure;
          }),
      'A subscriber of events$ has failed: a bad listener',
    ],
    [
      'an operator that throws, with nobody who handles the error of the stream',
      (events) =>
        events.events$
          .pipe(
            map(() => {
              throw failure;
            }),
          )
          .subscribe(),
      'A subscriber of events$ has failed: a bad listener',
    ],
    [
      'a handler of errors that throws',
      (events) =>
        events.events$
          .pipe(
            map(() => {
              throw new Error('the first');
            }),
          )
          .subscribe({
            error: () => {
              throw failure;
            },
          }),
      'A subscriber of events$ has failed: a bad listener',
    ],
  ])('%s', async (_, listen, message) => {
    const events = new SpillwayEvents();
    const heard: string[] = [];
    listen(events);
    events.on('staged', () => heard.push('listener'));
    events.events$.subscribe(() => heard.push('subscriber'));

    events.emit(staged);
    await turns();

    expect(heard).toEqual(['listener', 'subscriber']);
    expect(warnings.map((warning) => warning.message)).toEqual([message]);
    expect(warnings[0]).toMatchObject({ name: 'SpillwayListenerWarning', code: 'SPILLWAY_LISTENER' });
  });

  it('a subscriber that has failed hears the next event', async () => {
    const events = new SpillwayEvents();
    let calls = 0;
    events.events$.subscribe(() => {
      calls += 1;
      throw failure;
    });
    events.emit(staged);
    events.emit(staged);
    await turns();
    expect(calls).toBe(2);
    expect(warnings).toHaveLength(2);
  });

  it('the error of a stream that somebody handles is no warning', async () => {
    const events = new SpillwayEvents();
    const errors: unknown[] = [];
    events.events$
      .pipe(
        map(() => {
          throw failure;
        }),
      )
      .subscribe({ error: (error: unknown) => errors.push(error) });
    events.emit(staged);
    await turns();
    expect(errors).toEqual([failure]);
    expect(warnings).toEqual([]);
  });
});
