import { useEffect, useState } from 'preact/hooks';

const listeners = new Set<(text: string) => void>();

/** Says something to a person, by eye and by screen reader: what an act has done. */
export function announce(text: string): void {
  for (const listener of listeners) listener(text);
}

/** What was announced last. */
export function Announcements() {
  const [text, setText] = useState('');
  useEffect(() => {
    listeners.add(setText);
    return () => void listeners.delete(setText);
  }, []);
  return (
    <div class={text === '' ? 'announcement empty' : 'announcement'}>
      <p role="status">{text}</p>
      {text !== '' && (
        <button type="button" class="plain" aria-label="Close this message" onClick={() => setText('')}>
          ×
        </button>
      )}
    </div>
  );
}
