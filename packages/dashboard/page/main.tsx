import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Overview } from '../src/wire.js';

function App() {
  const [overview, setOverview] = useState<Overview>();
  useEffect(() => {
    void fetch('api/overview').then(async (r) => setOverview((await r.json()) as Overview));
  }, []);
  return (
    <main>
      <h1>Spillway</h1>
      <p role="status">{overview?.health.status ?? 'loading'}</p>
      <p>Dead letters: {overview?.status.dead}</p>
    </main>
  );
}

const root = document.querySelector('#root');
if (root) render(<App />, root);
