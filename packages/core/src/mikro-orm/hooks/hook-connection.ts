import type { AbstractSqlDriver } from '@mikro-orm/postgresql';
import type { EngineLife } from '../engine.js';
import { type OrmMoves, Span } from './orm-moves.js';

/**
 * The engine lives as long as the ORM's connection: it ends with `orm.close()`, and may be opened again from
 * `orm.connect()` on. To connect anew, MikroORM closes its connection first; that only suspends the engine.
 *
 * @param forget drops everything known of the database, which may be another one now
 */
export function hookConnection(driver: AbstractSqlDriver, life: EngineLife, moves: OrmMoves, forget: () => void): void {
  const close = driver.close.bind(driver);
  const connect = driver.connect.bind(driver);
  const reconnect = driver.reconnect.bind(driver);
  const reconnecting = new Span();
  driver.close = async (force) => {
    await (reconnecting.isInside ? life.suspend() : life.close());
    await close(force);
  };
  driver.connect = async (options) => {
    if (await life.reopen()) forget();
    const connection = await connect(options);
    // On the way to another database, only explicit calls open anything.
    if (!moves.isInside) life.resume();
    return connection;
  };
  driver.reconnect = async (options) => {
    const connection = await reconnecting.run(async () => reconnect(options));
    if (!moves.isInside) forget();
    return connection;
  };
}
