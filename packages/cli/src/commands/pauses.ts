import { Command } from 'commander';
import type { Acting, Answer, Session } from '../command.js';
import { entityNamed } from '../entity-named.js';

/** `spillway pause`: stops the writing of an entity, or of all, in every process. */
export function pauseCommand(session: Session): Command {
  return pausing(session, 'pause', 'stop the writing of an entity, in every process, until it is resumed', 'all');
}

/** `spillway resume`: ends a pause. */
export function resumeCommand(session: Session): Command {
  return pausing(session, 'resume', 'end a pause; what has waited is due at once', 'the pause of all');
}

function pausing(session: Session, act: 'pause' | 'resume', description: string, without: string): Command {
  const command = new Command(act)
    .description(description)
    .argument('[entity]', `the class of an entity; without it, ${without}`);
  return command.action(async (entity: string | undefined) =>
    session.act(command, async (acting) => answer(acting, act, entity)),
  );
}

async function answer(
  { orm, spillway }: Acting<object>,
  act: 'pause' | 'resume',
  entity: string | undefined,
): Promise<Answer> {
  await spillway[act](entity === undefined ? undefined : entityNamed(orm, entity));
  const { paused, pending } = await spillway.status();
  const names = [...(paused.all ? ['everything'] : []), ...paused.entities];
  return {
    json: { paused, pending },
    show: (page) => page.line(names.length === 0 ? 'Nothing is paused.' : `Paused: ${names.join(', ')}.`),
  };
}
