import { useCallback, useEffect, useRef, useState } from 'preact/hooks';

/** The state of a question to the server. */
export interface Answer<T> {
  readonly value?: T;
  readonly error?: string;
  readonly isAsking: boolean;
  readonly ask: () => void;
}

/**
 * Asks now, and again when what is asked for changes, or every so often while the page is seen. An answer to an older
 * question is dropped.
 */
export function useAnswer<T>(question: () => Promise<T>, key: string, everyMs?: number): Answer<T> {
  const [state, setState] = useState<{ value?: T; error?: string; isAsking: boolean }>({ isAsking: true });
  const latest = useRef(0);
  const asked = useRef(question);
  asked.current = question;
  const ask = useCallback(() => {
    const turn = (latest.current += 1);
    const isLatest = (): boolean => turn === latest.current;
    setState((before) => ({ ...before, isAsking: true }));
    asked.current().then(
      (value) => isLatest() && setState({ value, isAsking: false }),
      (error: unknown) =>
        isLatest() && setState((before) => ({ ...before, error: (error as Error).message, isAsking: false })),
    );
  }, []);
  useEffect(() => {
    ask();
    if (everyMs === undefined) return undefined;
    const timer = setInterval(() => document.visibilityState === 'visible' && ask(), everyMs);
    return () => clearInterval(timer);
  }, [key, everyMs, ask]);
  return { ...state, ask };
}
