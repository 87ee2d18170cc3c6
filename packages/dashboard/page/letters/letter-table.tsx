import type { LetterSummary } from '../../src/wire.js';
import { moment } from '../format.js';
import { addressOf } from '../use-route.js';
import { nameOf } from './letter-name.js';

interface LetterTableProps {
  readonly letters: readonly LetterSummary[];
  readonly chosen: ReadonlySet<string>;
  readonly mayChoose: boolean;
  readonly onChoose: (chosen: ReadonlySet<string>) => void;
}

/** Dead letters, one a row; the key leads to all that is known of it. */
export function LetterTable({ letters, chosen, mayChoose, onChoose }: LetterTableProps) {
  const areAll = letters.every((letter) => chosen.has(nameOf(letter)));
  const toggle = (name: string): void => {
    const next = new Set(chosen);
    if (!next.delete(name)) next.add(name);
    onChoose(next);
  };
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label="Dead letters">
      <table class="letters">
        <thead>
          <tr>
            {mayChoose && (
              <td class="check">
                <input
                  type="checkbox"
                  aria-label="Choose all of this page"
                  checked={areAll}
                  onChange={() => onChoose(areAll ? new Set() : new Set(letters.map(nameOf)))}
                />
              </td>
            )}
            <th scope="col">Row</th>
            <th scope="col">Code</th>
            <th scope="col">Reason</th>
            <th scope="col">Change</th>
            <th scope="col">When</th>
          </tr>
        </thead>
        <tbody>
          {letters.map((letter) => {
            const name = nameOf(letter);
            return (
              <tr key={name} class={chosen.has(name) ? 'chosen' : undefined}>
                {mayChoose && (
                  <td class="check">
                    <input
                      type="checkbox"
                      aria-label={`Choose ${letter.entity} ${letter.key}`}
                      checked={chosen.has(name)}
                      onChange={() => toggle(name)}
                    />
                  </td>
                )}
                <th scope="row">
                  <a href={addressOf('letters', letter.shard, letter.id)}>
                    {letter.entity} {letter.key}
                  </a>
                </th>
                <td>
                  <code>{letter.code}</code>
                </td>
                <td class="reason">{letter.reason}</td>
                <td class="quiet">
                  {letter.kind} {letter.properties.join(', ')}
                </td>
                <td class="quiet nowrap">{moment(letter.atMs)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
