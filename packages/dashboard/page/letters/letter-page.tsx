import { useState } from 'preact/hooks';
import type { Capabilities, LetterDetail } from '../../src/wire.js';
import { api } from '../api.js';
import { moment } from '../format.js';
import { AskFirst } from '../parts/ask-first.js';
import { Notice } from '../parts/notice.js';
import { RecordFacts } from '../parts/record-facts.js';
import { useAnswer } from '../use-answer.js';
import { addressOf } from '../use-route.js';
import { Difference } from './difference.js';
import { type Edits, readEdits } from './edits.js';
import { useActs } from './use-acts.js';

interface LetterPageProps {
  readonly shard: number;
  readonly id: string;
  readonly capabilities: Capabilities;
}

/** One dead letter: why it is one, what was staged, what the database has, and what can be done. */
export function LetterPage({ shard, id, capabilities }: LetterPageProps) {
  const { value: letter, error } = useAnswer(async () => api.letter({ shard, id }), `${shard}/${id}`);
  return (
    <>
      <p>
        <a href="#/letters">All dead letters</a>
      </p>
      <h1>{letter ? `${letter.entity} ${letter.key}` : 'Dead letter'}</h1>
      {error !== undefined && <Notice kind="problem">{error}</Notice>}
      {letter && <Letter letter={letter} capabilities={capabilities} />}
    </>
  );
}

function Letter({ letter, capabilities }: { readonly letter: LetterDetail; readonly capabilities: Capabilities }) {
  const [edits, setEdits] = useState<Edits>({});
  const mayEdit = capabilities.access === 'write';
  return (
    <>
      <Notice kind="warning">
        <p>
          <code>{letter.code}</code> {letter.reason}
        </p>
        {letter.message !== undefined && <pre>{letter.message}</pre>}
      </Notice>
      <RecordFacts record={letter.record} />
      <dl class="facts">
        <div>
          <dt>Became a dead letter</dt>
          <dd>{moment(letter.atMs)}</dd>
        </div>
        <div>
          <dt>Shard</dt>
          <dd>{letter.shard}</dd>
        </div>
        <div>
          <dt>Row in the database</dt>
          <dd>{rowText(letter)}</dd>
        </div>
        <div>
          <dt>Its life</dt>
          <dd>
            <a href={addressOf('row', letter.entity, letter.key)}>Show all that is known of the row</a>
          </dd>
        </div>
      </dl>
      {letter.row.problem !== undefined && (
        <Notice kind="problem">The row could not be looked up. {letter.row.problem}</Notice>
      )}
      <Difference values={letter.values} edits={mayEdit ? edits : undefined} onEdit={setEdits} />
      {capabilities.values === 'hidden' && (
        <p class="quiet">Values are hidden here. The dashboard's option values: 'shown' shows them.</p>
      )}
      {mayEdit && <Acts letter={letter} edits={edits} />}
    </>
  );
}

function Acts({ letter, edits }: { readonly letter: LetterDetail; readonly edits: Edits }) {
  const [asks, setAsks] = useState(false);
  const [isForced, setIsForced] = useState(false);
  const { isBusy, run } = useActs(({ done }) => {
    if (done > 0) location.hash = '#/letters';
  });
  const { values, problem } = readEdits(edits);
  const isEdited = Object.keys(edits).length > 0;
  return (
    <section aria-labelledby="acts" class="acts">
      <h2 id="acts">What to do</h2>
      <label class="choice">
        <input type="checkbox" checked={isForced} onChange={() => setIsForced(!isForced)} />
        Also if the row was changed since: this change then lies under the newer ones
      </label>
      {problem !== undefined && <Notice kind="problem">{problem}</Notice>}
      <div class="buttons">
        <button
          type="button"
          class="main"
          disabled={isBusy || problem !== undefined}
          onClick={() => run('retried', async () => api.retry([letter], isForced, isEdited ? values : undefined))}
        >
          {isEdited ? 'Retry with edited values' : 'Retry'}
        </button>
        <button type="button" class="danger" disabled={isBusy} onClick={() => setAsks(true)}>
          Discard
        </button>
      </div>
      {asks && (
        <AskFirst
          title="Discard this dead letter?"
          act="Discard"
          onClose={() => setAsks(false)}
          onAct={() => {
            setAsks(false);
            run('discarded', async () => api.discard([letter]));
          }}
        >
          <p>The change in it is lost. This cannot be taken back.</p>
        </AskFirst>
      )}
    </section>
  );
}

function rowText({ row }: LetterDetail): string {
  if (row.problem !== undefined) return 'unknown';
  if (!row.isThere) return 'there is none';
  return row.version === undefined ? 'it is there' : `it is there, at version ${row.version}`;
}
