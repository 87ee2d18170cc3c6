import type { ServerResponse } from 'node:http';
import { begin } from '../http/answers.js';
import type { Figures } from './figures.js';

/** The page then connects again, and authorize() is asked again whether it may. */
const LONGEST_MS = 5 * 60_000;

/** Writes the figures as server-sent events, for as long as the page listens. */
export function streamOf(figures: Figures): (response: ServerResponse) => void {
  return (response) => {
    // Without buffering, where a proxy asks; compression would hold events back.
    begin(response, 200, { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' });
    const send = (event: string, data: unknown): void => {
      // A page that does not read gets the next event instead.
      if (!response.writableNeedDrain) response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    };
    send('points', figures.points);
    const end = figures.watch({
      snapshot: (snapshot) => send('snapshot', snapshot),
      problem: (problem) => send('problem', problem),
    });
    const limit = setTimeout(() => response.end(), LONGEST_MS).unref();
    response.once('close', () => {
      clearTimeout(limit);
      end();
    });
  };
}
