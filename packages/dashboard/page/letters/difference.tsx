import type { PropertyView } from '../../src/wire.js';
import type { Edits } from './edits.js';

interface DifferenceProps {
  readonly values: readonly PropertyView[];
  /** Absent: values cannot be edited. */
  readonly edits: Edits | undefined;
  readonly onEdit: (edits: Edits) => void;
}

const STATES: Readonly<Record<PropertyView['state'], string>> = {
  differs: 'differs',
  same: 'same',
  staged: 'not compared',
  row: 'not changed',
};

/** What was staged, beside what the database has. */
export function Difference({ values, edits, onEdit }: DifferenceProps) {
  const set = values.filter(({ state }) => state !== 'row');
  const others = values.filter(({ state }) => state === 'row');
  const hasLoaded = set.some(({ loaded }) => loaded !== undefined);
  return (
    <section aria-labelledby="difference">
      <h2 id="difference">What was staged, and what the database has</h2>
      {set.length === 0 && <p class="quiet">It sets no property.</p>}
      {set.length > 0 && (
        <div class="scroll" tabIndex={0} role="group" aria-labelledby="difference">
          <table class="difference">
            <thead>
              <tr>
                <th scope="col">Property</th>
                <th scope="col">Staged</th>
                <th scope="col">Database</th>
                {hasLoaded && <th scope="col">When it was loaded</th>}
                <th scope="col">State</th>
              </tr>
            </thead>
            <tbody>
              {set.map((view) => (
                <tr key={view.name} class={view.state}>
                  <th scope="row">{view.name}</th>
                  <td>
                    <Staged view={view} edits={edits} onEdit={onEdit} />
                  </td>
                  <td>
                    <Value isHidden={view.isHidden} text={view.database} />
                  </td>
                  {hasLoaded && (
                    <td>
                      <Value isHidden={view.isHidden} text={view.loaded} />
                    </td>
                  )}
                  <td>
                    <span class="state">{STATES[view.state]}</span>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {others.length > 0 && (
        <details>
          <summary>Other properties of the row</summary>
          <RowValues values={others} />
        </details>
      )}
    </section>
  );
}

/** The row as the database has it. */
export function RowValues({ values }: { readonly values: readonly PropertyView[] }) {
  return (
    <table class="narrow">
      <thead>
        <tr>
          <th scope="col">Property</th>
          <th scope="col">Database</th>
        </tr>
      </thead>
      <tbody>
        {values.map(({ name, isHidden, database }) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>
              <Value isHidden={isHidden} text={database} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Staged({ view, edits, onEdit }: { readonly view: PropertyView } & Omit<DifferenceProps, 'values'>) {
  const { name, staged = '', isHidden, isEditable } = view;
  if (!edits || !isEditable) return <Value isHidden={isHidden} text={view.staged} />;
  const { [name]: edited, ...others } = edits;
  return (
    <span class="edit">
      <input
        aria-label={`Staged value of ${name}, as JSON`}
        class={edited === undefined ? undefined : 'edited'}
        value={edited ?? staged}
        spellcheck={false}
        onInput={({ currentTarget: { value } }) => onEdit(value === staged ? others : { ...edits, [name]: value })}
      />
      {edited !== undefined && (
        <button type="button" class="plain" aria-label={`Undo the edit of ${name}`} onClick={() => onEdit(others)}>
          ↶
        </button>
      )}
    </span>
  );
}

function Value({ isHidden, text }: { readonly isHidden: boolean; readonly text: string | undefined }) {
  if (isHidden) return <span class="quiet">hidden</span>;
  return text === undefined ? <span class="quiet">none</span> : <code>{text}</code>;
}
