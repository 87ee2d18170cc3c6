import { defineEntity, p, type EntitySchema } from '@mikro-orm/postgresql';
import { describe, expect, test } from 'vitest';
import { pending, twinFamilies } from './twins.js';

function family(prefix: string) {
  const Team: EntitySchema = defineEntity({
    name: `${prefix}Team`,
    properties: {
      id: p.integer().primary(),
      name: p.string(),
      captain: () => p.manyToOne(Player).nullable(),
      version: p.integer().version(),
    },
  });
  const Player: EntitySchema = defineEntity({
    name: `${prefix}Player`,
    properties: {
      id: p.integer().primary(),
      name: p.string(),
      team: () => p.manyToOne(Team),
      version: p.integer().version(),
    },
  });
  return { Team, Player };
}

const both = twinFamilies(family);

interface Team {
  id: number;
  name: string;
  captain: Player | null;
}
interface Player {
  id: number;
  name: string;
}

describe('H10: rows of several tables that refer to each other in a cycle', () => {
  test('are written as by MikroORM alone, made at once', async () => {
    await both.expectSame(async (em, { Team, Player }) => {
      const team = em.create(Team, { id: 1, name: 'Reds' } as never) as Team;
      team.captain = em.create(Player, { id: 1, name: 'Ann', team } as never) as Player;
      await em.flush();
    });
  });

  test('are written as by MikroORM alone, when the cycle is closed while its rows are pending', async () => {
    await both.expectSame(async (em, { Team, Player }) => {
      const team = em.create(Team, { id: 2, name: 'Blues' } as never) as Team;
      await em.flush();
      const player = em.create(Player, { id: 2, name: 'Bob', team } as never) as Player;
      await em.flush();
      team.captain = player;
      await em.flush();
      team.name = 'Bluest';
      player.name = 'Rob';
      await em.flush();
    });
  });

  test('are written as by MikroORM alone, when a new row closes the cycle', async () => {
    await both.expectSame(async (em, { Team, Player }) => {
      const team = em.create(Team, { id: 3, name: 'Greens' } as never) as Team;
      await em.flush();
      team.captain = em.create(Player, { id: 3, name: 'Cid', team } as never) as Player;
      await em.flush();
    });
  });

  test('are deleted as by MikroORM alone', async () => {
    await both.expectSame(async (em, { Team, Player }) => {
      const team = (await em.findOneOrFail(Team, 3)) as Team;
      em.remove(await em.findOneOrFail(Player, 3));
      team.captain = null;
      await em.flush();
      em.remove(team);
      await em.flush();
    });
  });

  test('are staged as long as nothing closes the cycle', async () => {
    await both.expectSame(async (em, { Team, Player }) => {
      const team = em.create(Team, { id: 4, name: 'Whites' } as never) as Team;
      const player = em.create(Player, { id: 4, name: 'Dan', team } as never) as Player;
      await em.flush();
      player.name = 'Dana';
      await em.flush();
      expect(await pending(both.orm)).toBe(Team === both.behind.Team ? 2 : 0);
    });
  });
});
