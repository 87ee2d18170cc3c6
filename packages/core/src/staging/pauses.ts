const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 200;

/** How long to pause before each further try, milliseconds: longer each time, without end. */
export function* pauses(): Generator<number, void, undefined> {
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) yield pauseMs;
}
