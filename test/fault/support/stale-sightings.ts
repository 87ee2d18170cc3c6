import type { Saw, Sighting, Wrote } from './journal.js';

/**
 * Look-ups that saw a text which had been replaced before they began: another write had begun after that text was
 * acknowledged, and was acknowledged before the look-up.
 *
 * Texts are compared and not versions, because two writers may each make the same version number, and the one who wins
 * by the conflict strategy may be the one with the lower number (docs/decisions/0026). Of two writes at one time either
 * may be the newer one, and a write that nobody acknowledged may have come at any time.
 */
export function staleSightings(sightings: readonly Sighting[]): string[] {
  const writes = Map.groupBy(
    sightings.filter((each) => each.kind === 'wrote'),
    ({ row }) => row,
  );
  return sightings
    .filter((each) => each.kind === 'saw')
    .flatMap((seen) => {
      const newer = replacedBy(seen, writes.get(seen.row) ?? []);
      return newer
        ? [`${seen.row} was seen as "${seen.text}" at ${seen.begun}, and was "${newer.text}" since ${newer.done}`]
        : [];
    });
}

function replacedBy(seen: Saw, writes: readonly Wrote[]): Wrote | undefined {
  const own = writes.find(({ text }) => text === seen.text);
  if (!own) return undefined;
  return writes.find(({ begun, done }) => BigInt(begun) > BigInt(own.done) && BigInt(done) < BigInt(seen.begun));
}
