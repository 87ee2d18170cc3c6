import { SpillwayError, type Spillway } from '@spillway/core';

/** As the first build has it, which knows no `until`. */
type FirstDrain = (entity: undefined, options: { readonly timeout: '10m' }) => Promise<unknown>;

/** Until all that was staged is in PostgreSQL. */
export async function writeAll(service: Spillway): Promise<void> {
  try {
    await service.drain({ until: 'written', timeout: '10m' });
  } catch (error) {
    // The first build takes the options for an entity.
    if (!(error instanceof SpillwayError) || error.code !== 'CONFIG_INVALID') throw error;
    const drain = service.drain.bind(service) as unknown as FirstDrain;
    do await drain(undefined, { timeout: '10m' });
    while (Object.values((await service.status()).pending).some((count) => count > 0));
  }
}
