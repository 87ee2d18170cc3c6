import type { Change } from '../change/change.js';
import type { StageUnit } from './stage-side.js';

/** Units that may leave at the same time, one for each server. */
export type Phase = readonly StageUnit[];

/**
 * The changes of a flush as phases. A phase leaves once all phases before it are staged, so that no change is staged
 * without those before it: MikroORM hands over parents before their children, and deletes children before their
 * parents. If a server or this process dies in between, a parent is left without a child, and never a child without
 * its parent, which PostgreSQL would refuse.
 *
 * Changes of one entity that follow one another depend on none of each other; rows of one table that refer to each
 * other may be staged in any order. A change stays beside an earlier one of its server where nothing else is in
 * between.
 *
 * @example
 * An order is on server 1, its lines are on 1 and 2: [[1: order and line], [2: line]].
 */
export function phasesOf(changes: readonly Change[], serverOf: (change: Change) => number): readonly Phase[] {
  const phases: Map<number, Change[]>[] = [];
  for (const run of runsOf(changes)) {
    const byServer = [...Map.groupBy(run, serverOf)];
    const places = byServer.map(([server]) => placeBehind(phases, server));
    for (const [at, [server, ofServer]] of byServer.entries()) {
      const units = (phases[places[at] ?? 0] ??= new Map<number, Change[]>());
      units.set(server, [...(units.get(server) ?? []), ...ofServer]);
    }
  }
  return phases.map((units) => [...units.values()].map((ofServer) => ({ changes: ofServer })));
}

/** The first phase in which all that is there already is staged before, or in one call with a change of the server. */
function placeBehind(phases: readonly ReadonlyMap<number, unknown>[], server: number): number {
  const others = phases.findLastIndex((units) => units.size > (units.has(server) ? 1 : 0));
  const own = phases.findLastIndex((units) => units.has(server));
  return Math.max(others + 1, own, 0);
}

/** Changes of one entity that follow one another, deletions apart from others. */
function runsOf(changes: readonly Change[]): readonly (readonly Change[])[] {
  const runs: Change[][] = [];
  let last: Change | undefined;
  for (const change of changes) {
    const isSame = last?.entity === change.entity && (last.kind === 'delete') === (change.kind === 'delete');
    if (isSame) runs.at(-1)?.push(change);
    else runs.push([change]);
    last = change;
  }
  return runs;
}
