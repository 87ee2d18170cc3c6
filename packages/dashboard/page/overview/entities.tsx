import type { Capabilities, Depths, Snapshot } from '../../src/wire.js';
import { api } from '../api.js';
import { count, span } from '../format.js';
import { announce } from '../parts/announce.js';

interface EntitiesProps {
  readonly snapshot: Snapshot;
  readonly depths: Depths | undefined;
  readonly capabilities: Capabilities;
}

/** What waits of each entity, how its changes were written, and pause and resume. */
export function Entities({ snapshot: { status }, depths, capabilities }: EntitiesProps) {
  const { paused } = status;
  const { access, entities } = capabilities;
  const mayPause = access === 'write';
  const names = [...new Set([...entities, ...Object.keys(status.pending)])].toSorted();
  const isPaused = (entity: string): boolean => paused.all || paused.entities.includes(entity);
  return (
    <section aria-labelledby="entities">
      <div class="heading">
        <h2 id="entities">Entities</h2>
        {mayPause && <PauseButton isPaused={paused.all} />}
      </div>
      <div class="scroll" tabIndex={0} role="group" aria-labelledby="entities">
        <table>
          <thead>
            <tr>
              <th scope="col">Entity</th>
              <th scope="col" class="number">
                Pending
              </th>
              <th scope="col" class="number">
                Oldest waiting
              </th>
              <th scope="col">Writes of this process</th>
              <th scope="col">Writing</th>
            </tr>
          </thead>
          <tbody>
            {names.map((entity) => (
              <tr key={entity}>
                <th scope="row">{entity}</th>
                <td class="number">{count(status.pending[entity] ?? 0)}</td>
                <td class="number">{ageOf(depths?.oldestMs[entity])}</td>
                <td class="quiet">{waysOf(status.writes[entity])}</td>
                <td>
                  {isPaused(entity) ? 'paused ' : 'goes on '}
                  {mayPause && !paused.all && <PauseButton isPaused={isPaused(entity)} entity={entity} />}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function PauseButton({ isPaused, entity }: { readonly isPaused: boolean; readonly entity?: string }) {
  const what = entity ?? 'all entities';
  const act = isPaused ? 'Resume' : 'Pause';
  const run = async (): Promise<void> => {
    await (isPaused ? api.resume(entity) : api.pause(entity));
    announce(isPaused ? `Writing of ${what} goes on.` : `Writing of ${what} is paused. Changes are still staged.`);
  };
  return (
    <button
      type="button"
      aria-label={`${act} ${what}`}
      onClick={() => void run().catch((error: unknown) => announce((error as Error).message))}
    >
      {entity === undefined ? `${act} all` : act}
    </button>
  );
}

function ageOf(ms: number | undefined): string {
  return ms === undefined ? '–' : span(ms);
}

/** `1,200 staged, 3 sql:transaction` */
function waysOf(ways: Readonly<Record<string, number | undefined>> = {}): string {
  return Object.entries(ways)
    .map(([way, number]) => `${count(number ?? 0)} ${way}`)
    .join(', ');
}
