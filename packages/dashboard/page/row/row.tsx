import type { LifeStep, LifeView } from '../../src/wire.js';
import { api } from '../api.js';
import { Difference, RowValues } from '../letters/difference.js';
import { fieldOf } from '../parts/field-of.js';
import { Notice } from '../parts/notice.js';
import { RecordFacts } from '../parts/record-facts.js';
import { useAnswer } from '../use-answer.js';
import { addressOf } from '../use-route.js';

interface RowProps {
  readonly entities: readonly string[];
  readonly entity: string | undefined;
  readonly rowKey: string | undefined;
}

/** A row's life, by its key. */
export function Row({ entities, entity = '', rowKey = '' }: RowProps) {
  return (
    <>
      <h1>A row's life</h1>
      <p class="quiet">Where the changes of a row are now: held, waiting, in flight, dead, or in the database.</p>
      <form
        class="filter"
        key={`${entity}/${rowKey}`}
        onSubmit={(event) => {
          event.preventDefault();
          const form = event.currentTarget;
          location.hash = addressOf('row', fieldOf(form, 'entity'), fieldOf(form, 'key'));
        }}
      >
        <label>
          Entity
          <select name="entity" defaultValue={entity}>
            {entities.map((name) => (
              <option key={name} selected={name === entity}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <label>
          Primary key
          <input name="key" required defaultValue={rowKey} spellcheck={false} placeholder='7, or ["a", 7]' />
        </label>
        <button type="submit">Show</button>
      </form>
      {entity !== '' && rowKey !== '' && <Life key={`${entity}/${rowKey}`} entity={entity} rowKey={rowKey} />}
    </>
  );
}

function Life({ entity, rowKey }: { readonly entity: string; readonly rowKey: string }) {
  const { value: life, error, isAsking, ask } = useAnswer(async () => api.life(entity, rowKey), `${entity}/${rowKey}`);
  return (
    <div aria-busy={isAsking} aria-live="polite">
      {error !== undefined && <Notice kind="problem">{error}</Notice>}
      {life && (
        <>
          <div class="heading">
            <h2>
              {life.entity} {life.key}
            </h2>
            <button type="button" onClick={ask}>
              Refresh
            </button>
          </div>
          <p>
            {summaryOf(life)} Its shard is {life.shard}.
          </p>
          <ol class="life">
            {life.steps.map((step) => (
              <Step key={`${step.place}/${step.letter?.id ?? step.record.firstAtMs}`} step={step} />
            ))}
            <li>
              <h3>In the database</h3>
              <p>{life.row.isThere ? `The row is there${versionText(life.row.version)}.` : 'There is no such row.'}</p>
              {life.recent && (
                <p class="quiet">
                  Spillway has {life.recent.isDeleted ? 'deleted it' : 'written it'} lately
                  {versionText(life.recent.version)}.
                </p>
              )}
              {life.values.length > 0 && <RowValues values={life.values} />}
            </li>
          </ol>
        </>
      )}
    </div>
  );
}

const PLACES: Readonly<Record<LifeStep['place'], string>> = {
  held: 'Held by a transaction that has not ended',
  dirty: 'Waiting for a flush',
  'in flight': 'In flight: being written now',
  dead: 'Dead letter',
};

function Step({ step: { place, record, values, letter, token } }: { readonly step: LifeStep }) {
  return (
    <li>
      <h3>{PLACES[place]}</h3>
      {letter && (
        <p>
          <code>{letter.code}</code> {letter.reason}{' '}
          <a href={addressOf('letters', letter.shard, letter.id)}>Open this dead letter</a>
        </p>
      )}
      {token !== undefined && <p class="quiet">Batch {token}</p>}
      <RecordFacts record={record} />
      {values.length > 0 && <Difference values={values} edits={undefined} onEdit={() => undefined} />}
    </li>
  );
}

function summaryOf({ steps }: LifeView): string {
  const waiting = steps.filter(({ place }) => place !== 'dead').length;
  const dead = steps.length - waiting;
  if (steps.length === 0) return 'Nothing of it waits: the database has its last change.';
  return [waiting > 0 && 'Changes of it wait.', dead > 0 && 'Changes of it are dead letters.']
    .filter(Boolean)
    .join(' ');
}

function versionText(version: string | undefined): string {
  return version === undefined ? '' : `, at version ${version}`;
}
