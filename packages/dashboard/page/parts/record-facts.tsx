import type { RecordView } from '../../src/wire.js';
import { count, moment } from '../format.js';

/** What is known of a record beside its values. */
export function RecordFacts({ record }: { readonly record: RecordView }) {
  const { kind, base, version, firstAtMs, merged, attempts, isDoubtful, deltas } = record;
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['Kind', kind],
    ['First change', moment(firstAtMs)],
    ['Changes in it', count(merged)],
    ['Refused before', attempts === 0 ? 'never' : `${count(attempts)} times`],
    ['Expects version', base],
    ['Makes version', version],
    ['In doubt', isDoubtful ? 'yes: Redis has lost data since' : undefined],
    ...deltas.map(({ name, by }) => [`Adds to ${name}`, by ?? 'hidden'] as const),
  ];
  return (
    <dl class="facts">
      {facts
        .filter(([, text]) => text !== undefined)
        .map(([name, text]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{text}</dd>
          </div>
        ))}
    </dl>
  );
}
