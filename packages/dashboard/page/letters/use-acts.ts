import { useState } from 'preact/hooks';
import type { ActReport } from '../../src/wire.js';
import { announce } from '../parts/announce.js';
import { reportText } from './report-text.js';

/** Runs acts on dead letters one after the other, and says what they have done. */
export function useActs(after: (report: ActReport) => void) {
  const [isBusy, setIsBusy] = useState(false);
  const run = (verb: 'retried' | 'discarded', act: () => Promise<ActReport>): void => {
    setIsBusy(true);
    act()
      .then((report) => {
        announce(reportText(verb, report));
        after(report);
      })
      .catch((error: unknown) => announce((error as Error).message))
      .finally(() => setIsBusy(false));
  };
  return { isBusy, run };
}
