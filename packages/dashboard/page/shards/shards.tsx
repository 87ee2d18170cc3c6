import { useState } from 'preact/hooks';
import type { Depths, ShardRow } from '../../src/wire.js';
import { api } from '../api.js';
import { count, span } from '../format.js';
import { Notice } from '../parts/notice.js';
import { useAnswer } from '../use-answer.js';
import { HeatMap } from './heat-map.js';
import { MEASURES } from './measures.js';

const MOST_LISTED = 20;

/** How much waits in each shard and on each server. */
export function Shards() {
  const { value: depths, error } = useAnswer(api.depths, 'depths', 5_000);
  const [measure, setMeasure] = useState(MEASURES[0]);
  return (
    <>
      <h1>Shards</h1>
      {error !== undefined && <Notice kind="problem">{error}</Notice>}
      {depths && measure && (
        <>
          <fieldset class="measures">
            <legend>Show</legend>
            {MEASURES.map((each) => (
              <label key={each.name}>
                <input type="radio" name="measure" checked={each === measure} onChange={() => setMeasure(each)} />
                {each.name}
              </label>
            ))}
          </fieldset>
          <HeatMap depths={depths} measure={measure} />
          <Servers depths={depths} />
          <Fullest
            depths={depths}
            by={measure.name}
            shards={depths.shards
              .filter((shard) => measure.value(shard) > 0)
              .toSorted((one, other) => measure.value(other) - measure.value(one))}
          />
        </>
      )}
    </>
  );
}

function Servers({ depths: { servers, shards } }: { readonly depths: Depths }) {
  const sums = servers.map((name, place) => {
    const own = shards.filter(([, server]) => server === place);
    const sum = (part: 2 | 3 | 4): number => own.reduce((total, shard) => total + shard[part], 0);
    return { name, shards: own.length, dirty: sum(2), inFlight: sum(3), dead: sum(4), oldestMs: oldestOf(own) };
  });
  return (
    <section aria-labelledby="servers">
      <h2 id="servers">Servers</h2>
      <div class="scroll" tabIndex={0} role="group" aria-labelledby="servers">
        <table>
          <thead>
            <tr>
              <th scope="col">Server</th>
              {['Shards', 'Waiting', 'In flight', 'Dead', 'Oldest waiting'].map((name) => (
                <th key={name} scope="col" class="number">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {sums.map((server) => (
              <tr key={server.name}>
                <th scope="row">{server.name}</th>
                <td class="number">{count(server.shards)}</td>
                <td class="number">{count(server.dirty)}</td>
                <td class="number">{count(server.inFlight)}</td>
                <td class="number">{count(server.dead)}</td>
                <td class="number">{ageOf(server.oldestMs)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

interface FullestProps {
  readonly depths: Depths;
  readonly by: string;
  readonly shards: readonly ShardRow[];
}

function Fullest({ depths, by, shards }: FullestProps) {
  return (
    <section aria-labelledby="fullest">
      <h2 id="fullest">Shards with the most</h2>
      {shards.length === 0 ? (
        <p class="quiet">{by}: none in any shard.</p>
      ) : (
        <div class="scroll" tabIndex={0} role="group" aria-labelledby="fullest">
          <table>
            <thead>
              <tr>
                <th scope="col" class="number">
                  Shard
                </th>
                <th scope="col">Server</th>
                {['Waiting', 'In flight', 'Dead', 'Oldest waiting'].map((name) => (
                  <th key={name} scope="col" class="number">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {shards.slice(0, MOST_LISTED).map(([shard, server, dirty, inFlight, dead, oldestMs]) => (
                <tr key={shard}>
                  <th scope="row" class="number">
                    {shard}
                  </th>
                  <td>{depths.servers[server]}</td>
                  <td class="number">{count(dirty)}</td>
                  <td class="number">{count(inFlight)}</td>
                  <td class="number">{count(dead)}</td>
                  <td class="number">{ageOf(oldestMs)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function oldestOf(shards: readonly ShardRow[]): number {
  return shards.reduce((oldest, [, , , , , ms]) => Math.max(oldest, ms), 0);
}

function ageOf(ms: number): string {
  return ms > 0 ? span(ms) : '–';
}
