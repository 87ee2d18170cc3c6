import type { Live } from '../use-stream.js';

/** The health in a word. Its colour only repeats it. */
export function HealthChip({ live: { isConnected, snapshot, problem } }: { readonly live: Live }) {
  const health = problem?.health ?? snapshot?.health;
  const word = health?.status ?? (isConnected ? 'waiting' : 'connecting');
  return <span class={`chip ${isConnected ? word : 'unknown'}`}>{word}</span>;
}
