import type { Capabilities, Point } from '../../src/wire.js';
import { api } from '../api.js';
import { count, rate, span } from '../format.js';
import { Notice } from '../parts/notice.js';
import { Tile } from '../parts/tile.js';
import { useAnswer } from '../use-answer.js';
import type { Live } from '../use-stream.js';
import { Chart, type Line } from './chart.js';
import { Entities } from './entities.js';
import { ForcedDrains } from './forced-drains.js';

const RATES: readonly Line[] = [
  { name: 'accepted', colour: '--one', value: ({ accepted }) => accepted },
  { name: 'written', colour: '--two', value: ({ written }) => written },
  { name: 'coalesced', colour: '--three', dash: [6, 4], value: ({ coalesced }) => coalesced },
];
const PENDING: readonly Line[] = [{ name: 'rows', colour: '--one', value: ({ pending }) => pending }];
const OLDEST: readonly Line[] = [{ name: 'oldest', colour: '--four', value: ({ oldestMs }) => oldestMs }];
const LATENCY: readonly Line[] = [
  { name: 'median', colour: '--two', value: ({ flushMs }: Point) => flushMs?.[0] },
  { name: '95 in 100', colour: '--four', dash: [6, 4], value: ({ flushMs }: Point) => flushMs?.[1] },
];

interface OverviewProps {
  readonly live: Live;
  readonly capabilities: Capabilities;
}

export function Overview({ live, capabilities }: OverviewProps) {
  const { snapshot, points, problem } = live;
  const depths = useAnswer(api.depths, 'depths', 5_000);
  if (!snapshot)
    return (
      <>
        <h1>Overview</h1>
        {problem ? <Notice kind="problem">{problem.problem}</Notice> : <p class="quiet">Waiting for the first look…</p>}
      </>
    );
  const { own } = snapshot;
  return (
    <>
      <h1>Overview</h1>
      <Problems live={live} />
      <Counts live={live} />
      <div class="charts">
        <Chart title="Changes per second" points={points} lines={RATES} text={rate} />
        <Chart title="Pending" points={points} lines={PENDING} text={count} />
        <Chart title="Age of the oldest pending change" points={points} lines={OLDEST} text={span} />
        {own.timesFlushes && <Chart title="Flushes of this process" points={points} lines={LATENCY} text={span} />}
      </div>
      <Entities snapshot={snapshot} depths={depths.value} capabilities={capabilities} />
      <section aria-labelledby="process">
        <h2 id="process">This process</h2>
        <p class="quiet">Counted here only, since the dashboard was mounted {span(Date.now() - own.sinceMs)} ago.</p>
        <dl class="tiles">
          <Tile label="Conflicts" value={count(own.conflicts)} />
          <Tile label="Retries" value={count(own.retries)} />
          <Tile label="New dead letters" value={count(own.deadLetters)} />
        </dl>
        <ForcedDrains counts={snapshot.status.forcedDrains} />
      </section>
    </>
  );
}

function Problems({ live: { snapshot, problem } }: { readonly live: Live }) {
  const health = problem?.health ?? snapshot?.health;
  const sentences = health?.problems ?? [];
  const silent = snapshot?.status.silentShards?.length ?? 0;
  return (
    <div aria-live="polite">
      {sentences.length > 0 && (
        <Notice kind={health?.status === 'down' ? 'problem' : 'warning'}>
          <ul>
            {sentences.map((sentence) => (
              <li key={sentence}>{sentence}</li>
            ))}
          </ul>
        </Notice>
      )}
      {silent > 0 && (
        <Notice kind="warning">{count(silent)} shards are not counted: their server does not answer.</Notice>
      )}
      {snapshot?.status.paused.all === true && <Notice kind="warning">Writing is paused for all entities.</Notice>}
    </div>
  );
}

function Counts({ live: { snapshot } }: { readonly live: Live }) {
  if (!snapshot) return null;
  const { point, status } = snapshot;
  const { staged, coalesced, inFlight, held, dead, deadDropped, oldestMs } = status;
  const share = staged === 0 ? 0 : (100 * coalesced) / staged;
  return (
    <dl class="tiles">
      <Tile label="Pending rows" value={count(point.pending)} hint={`${count(inFlight)} in flight`} />
      <Tile label="Oldest change" value={oldestMs === undefined ? 'none' : span(oldestMs)} />
      <Tile label="Held by transactions" value={count(held)} />
      <Tile label="Coalesced" value={`${share.toFixed(0)} %`} hint={`of ${count(staged)} changes`} />
      <Tile
        label="Dead letters"
        value={count(dead)}
        isBad={dead > 0}
        href="#/letters"
        {...(deadDropped > 0 && { hint: `${count(deadDropped)} were dropped` })}
      />
    </dl>
  );
}
