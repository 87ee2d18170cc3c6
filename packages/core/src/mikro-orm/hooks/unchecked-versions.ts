/** The oldest MikroORM whose update of several rows compares their versions. */
const COMPARES = [7, 2, 5] as const;

/** Settings of an ORM that the version promise depends on. */
export interface Updates {
  /** True if an entity with a policy has a version. */
  readonly hasVersions: boolean;
  /** True if one statement updates several rows. */
  readonly batches: boolean;
}

/**
 * Older releases read the versions of several rows, then update the rows by their keys alone. Answers a sentence for
 * the log, if this ORM does so.
 */
export function uncheckedVersions(found: string, { hasVersions, batches }: Updates): readonly string[] {
  if (!hasVersions || !batches || compares(found)) return [];
  return [
    `MikroORM ${found} compares the versions of several rows before it updates them together, not in the update: what ` +
      'others write in between is overwritten without an OptimisticLockError. That concerns what Spillway leaves to ' +
      'SQL, not what it stages (docs/limits.md). Update the packages of MikroORM to 7.2.5 or newer, or set ' +
      "useBatchUpdates: false in the ORM's configuration",
  ];
}

function compares(found: string): boolean {
  const parts = found.split(/[.-]/u).map(Number);
  for (const [index, wanted] of COMPARES.entries()) {
    const part = parts[index] ?? 0;
    if (part !== wanted) return part > wanted;
  }
  return true;
}
