import { useState } from 'preact/hooks';
import type { Capabilities, LetterSummary } from '../../src/wire.js';
import { api, type Filter } from '../api.js';
import { count, counted } from '../format.js';
import { AskFirst } from '../parts/ask-first.js';
import { fieldOf } from '../parts/field-of.js';
import { Notice } from '../parts/notice.js';
import { useAnswer } from '../use-answer.js';
import { nameOf } from './letter-name.js';
import { LetterTable } from './letter-table.js';
import { useActs } from './use-acts.js';

/** Letters of a page: few enough to stay quick with any number of letters, and to choose from by eye. */
const PAGE = 50;

interface LettersPageProps {
  readonly capabilities: Capabilities;
  /** How many there are, of all entities; `undefined` until it is known. */
  readonly total: number | undefined;
}

/** The list of dead letters: filter, page, choose, retry and discard. */
export function LettersPage({ capabilities: { access, entities }, total }: LettersPageProps) {
  const [filter, setFilter] = useState<Filter>({ entity: '', code: '' });
  const [offset, setOffset] = useState(0);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const {
    value: list,
    error,
    isAsking,
    ask,
  } = useAnswer(async () => api.letters(filter, offset, PAGE), JSON.stringify([filter, offset]));
  const choose = (next: ReadonlySet<string>): void => setChosen(next);
  const acts = useActs(() => {
    choose(new Set());
    ask();
  });
  const look = (next: Filter, from = 0): void => {
    setFilter(next);
    setOffset(from);
    choose(new Set());
  };
  const letters = list?.letters ?? [];
  const isAll = filter.entity === '' && filter.code === '';
  const picked = letters.filter((letter) => chosen.has(nameOf(letter)));
  return (
    <>
      <div class="heading">
        <h1>Dead letters</h1>
        <button type="button" onClick={ask}>
          Refresh
        </button>
      </div>
      <p class="quiet">Changes that could not be written. Each waits until it is retried or discarded.</p>
      <FilterForm filter={filter} entities={entities} onFilter={look} />
      {error !== undefined && <Notice kind="problem">{error}</Notice>}
      {access === 'write' && letters.length > 0 && <Acts picked={picked} filter={filter} acts={acts} />}
      <div aria-busy={isAsking}>
        <p role="status" class="quiet">
          {list === undefined ? 'Looking…' : rangeText(offset, letters.length, isAll ? total : undefined)}
        </p>
        {letters.length > 0 && (
          <LetterTable letters={letters} chosen={chosen} mayChoose={access === 'write'} onChoose={choose} />
        )}
      </div>
      <nav class="pages" aria-label="Pages of dead letters">
        <button type="button" disabled={offset === 0} onClick={() => look(filter, 0)}>
          First
        </button>
        <button type="button" disabled={offset === 0} onClick={() => look(filter, Math.max(0, offset - PAGE))}>
          Back
        </button>
        <button type="button" disabled={list?.more !== true} onClick={() => look(filter, offset + PAGE)}>
          Next
        </button>
      </nav>
    </>
  );
}

interface FilterProps {
  readonly filter: Filter;
  readonly entities: readonly string[];
  readonly onFilter: (filter: Filter) => void;
}

function FilterForm({ filter, entities, onFilter }: FilterProps) {
  return (
    <form
      class="filter"
      onSubmit={(event) => {
        event.preventDefault();
        const form = event.currentTarget;
        onFilter({ entity: fieldOf(form, 'entity'), code: fieldOf(form, 'code') });
      }}
    >
      <label>
        Entity
        <select name="entity" value={filter.entity}>
          <option value="">all</option>
          {entities.map((entity) => (
            <option key={entity}>{entity}</option>
          ))}
        </select>
      </label>
      <label>
        Code
        <input name="code" value={filter.code} placeholder="all, or 23505" spellcheck={false} />
      </label>
      <button type="submit">Show</button>
    </form>
  );
}

interface ActsProps {
  readonly picked: readonly LetterSummary[];
  readonly filter: Filter;
  readonly acts: ReturnType<typeof useActs>;
}

function Acts({ picked, filter, acts: { isBusy, run } }: ActsProps) {
  const [asks, setAsks] = useState<'discard' | 'discard-all' | 'retry-all'>();
  const those = filter.entity === '' && filter.code === '' ? 'all' : 'all that match';
  const close = (): void => setAsks(undefined);
  return (
    <div class="buttons acts">
      <button
        type="button"
        class="main"
        disabled={isBusy || picked.length === 0}
        onClick={() => run('retried', async () => api.retry(picked, false))}
      >
        Retry chosen
      </button>
      <button type="button" disabled={isBusy || picked.length === 0} onClick={() => setAsks('discard')}>
        Discard chosen
      </button>
      <span class="quiet">{picked.length > 0 && `${count(picked.length)} chosen`}</span>
      <span class="space" />
      <button type="button" disabled={isBusy} onClick={() => setAsks('retry-all')}>
        Retry {those}
      </button>
      <button type="button" disabled={isBusy} onClick={() => setAsks('discard-all')}>
        Discard {those}
      </button>
      {asks === 'discard' && (
        <AskFirst
          title={`Discard ${counted(picked.length, 'dead letter')}?`}
          act="Discard"
          onClose={close}
          onAct={() => {
            close();
            run('discarded', async () => api.discard(picked));
          }}
        >
          <p>The changes in them are lost. This cannot be taken back.</p>
        </AskFirst>
      )}
      {asks === 'discard-all' && (
        <AskFirst
          title={`Discard ${those}?`}
          act={`Discard ${those}`}
          onClose={close}
          onAct={() => {
            close();
            run('discarded', async () => api.discardAll(filter));
          }}
        >
          <p>{filterText(filter)} The changes in them are lost. This cannot be taken back.</p>
        </AskFirst>
      )}
      {asks === 'retry-all' && (
        <AskFirst
          title={`Retry ${those}?`}
          act={`Retry ${those}`}
          onClose={close}
          onAct={() => {
            close();
            run('retried', async () => api.retryAll(filter, false));
          }}
        >
          <p>{filterText(filter)} Letters whose rows were changed since stay where they are.</p>
        </AskFirst>
      )}
    </div>
  );
}

function filterText({ entity, code }: Filter): string {
  const parts = [entity && `of ${entity}`, code && `with the code ${code}`].filter((part) => part !== '');
  return parts.length === 0 ? 'All dead letters are meant.' : `The dead letters ${parts.join(' ')} are meant.`;
}

function rangeText(offset: number, shown: number, total: number | undefined): string {
  if (shown === 0) return offset === 0 ? 'There are none.' : 'There are no more.';
  const range = `${count(offset + 1)} to ${count(offset + shown)}`;
  return total === undefined
    ? `${range}, newest first within a shard`
    : `${range} of ${count(total)}, newest first within a shard`;
}
