import { describe, expect, it } from 'vitest';
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
    events.events$.subscribe();
    expect(events.heard('staged')).toBe(true);
  });

  it('go on to the other listeners when one throws, and the error becomes a warning', async () => {
    const events = new SpillwayEvents();
    const heard: string[] = [];
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
    events.on('staged', () => {
      throw new Error('a bad listener');
    });
    events.on('staged', () => heard.push('second'));

    events.emit(staged);

    expect(heard).toEqual(['second']);
    expect((await warned).message).toContain("event 'staged' has thrown: Error: a bad listener");
  });
});
