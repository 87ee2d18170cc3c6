import { useEffect, useState } from 'preact/hooks';

/** The parts of the address behind the hash: `#/letters/3/17` is `['letters', '3', '17']`. */
export function useRoute(): readonly string[] {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const note = (): void => setHash(location.hash);
    addEventListener('hashchange', note);
    return () => removeEventListener('hashchange', note);
  }, []);
  return hash
    .replace(/^#\/?/, '')
    .split('/')
    .map((part) => decodeURIComponent(part));
}

export function addressOf(...parts: readonly (string | number)[]): string {
  return `#/${parts.map((part) => encodeURIComponent(part)).join('/')}`;
}
