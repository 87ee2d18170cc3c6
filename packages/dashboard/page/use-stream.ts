import { useEffect, useState } from 'preact/hooks';
import type { NoSnapshot, Point, Snapshot } from '../src/wire.js';

/** What the server-sent events have told so far. */
export interface Live {
  readonly isConnected: boolean;
  readonly points: readonly Point[];
  readonly snapshot?: Snapshot;
  readonly problem?: NoSnapshot;
}

const MOST_POINTS = 600;

/**
 * Listens to the figures while the page is seen. A browser has six connections for one host, and a page that nobody
 * sees gives its own back. A connection that is lost is opened again.
 */
export function useStream(): Live {
  const [live, setLive] = useState<Live>({ isConnected: false, points: [] });
  useEffect(() => {
    let source: EventSource | undefined;
    const attend = (): void => {
      if (document.visibilityState === 'visible') {
        source ??= listen(setLive);
      } else {
        source?.close();
        source = undefined;
      }
    };
    attend();
    document.addEventListener('visibilitychange', attend);
    return () => {
      document.removeEventListener('visibilitychange', attend);
      source?.close();
    };
  }, []);
  return live;
}

function listen(note: (change: (before: Live) => Live) => void): EventSource {
  const source = new EventSource('api/stream');
  const on = (name: string, change: (before: Live, data: unknown) => Live): void =>
    source.addEventListener(name, (event: MessageEvent<string>) =>
      note((before) => change(before, JSON.parse(event.data) as unknown)),
    );
  source.addEventListener('open', () => note((before) => ({ ...before, isConnected: true })));
  source.addEventListener('error', () => note((before) => ({ ...before, isConnected: false })));
  on('points', (before, points) => ({ ...before, isConnected: true, points: points as readonly Point[] }));
  on('snapshot', (before, data) => withSnapshot(before, data as Snapshot));
  on('problem', (before, problem) => ({ ...before, isConnected: true, problem: problem as NoSnapshot }));
  return source;
}

function withSnapshot({ points }: Live, snapshot: Snapshot): Live {
  const before = points.filter(({ atMs }) => atMs !== snapshot.point.atMs);
  return { isConnected: true, points: [...before, snapshot.point].slice(-MOST_POINTS), snapshot };
}
