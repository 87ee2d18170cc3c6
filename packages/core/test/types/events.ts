/** Compiled, never run: events and their listeners. */
import type { Observable } from 'rxjs';
import { filter } from 'rxjs';
import { expectTypeOf } from 'vitest';
import type { RowKey, Spillway, SpillwayEvent, SpillwayEventName, SpillwayEventOf } from '../../src/index.js';

export function aListenerIsGivenItsEvent(service: Spillway): void {
  const off = service.on('dead-letter', (event) => {
    expectTypeOf(event).toEqualTypeOf<SpillwayEventOf<'dead-letter'>>();
    expectTypeOf(event.rowKey).toEqualTypeOf<RowKey>();
    expectTypeOf(event.reason).toBeString();
  });
  expectTypeOf(off).toEqualTypeOf<() => void>();
  service.on('written', ({ records }) => expectTypeOf(records).toBeNumber());
  expectTypeOf(service.events$).toEqualTypeOf<Observable<SpillwayEvent>>();
  service.events$.pipe(filter((event) => event.type === 'staging-loss')).subscribe((event) => {
    if (event.forgot === 'staging') expectTypeOf(event.parked).toBeNumber();
    else expectTypeOf(event.token).toBeString();
  });
}

export function whatIsWrongIsRefused(service: Spillway): void {
  // @ts-expect-error -- there is no such event
  service.on('writen', () => {});
  // @ts-expect-error -- an event of another name has no reason
  service.on('written', ({ reason }) => reason);
}

expectTypeOf<'staged' | 'written' | 'conflict' | 'dead-letter' | 'staging-loss'>().toExtend<SpillwayEventName>();
