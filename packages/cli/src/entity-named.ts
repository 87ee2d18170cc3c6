import type { EntityName, MikroORM } from '@mikro-orm/core';
import { WrongUsage } from './exit-code.js';

/** The entity of a class name. @throws WrongUsage for a name that the ORM does not know */
export function entityNamed(orm: MikroORM, name: string): EntityName {
  const metas = [...orm.getMetadata().getAll().values()];
  const found = metas.find(({ className }) => className === name);
  if (found) return found.class;
  const known = metas.filter(({ embeddable, pivotTable }) => !embeddable && !pivotTable);
  throw new WrongUsage(
    `There is no entity "${name}". The configuration has ${known
      .map(({ className }) => className)
      .toSorted()
      .join(', ')}`,
  );
}
