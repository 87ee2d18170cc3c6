import type { MikroORM } from '@mikro-orm/core';

/** `pg` reads this variable if the connection has no setting of its own. */
const ENVIRONMENT = 'PGSSLMODE';
/** The values of `sslmode` that require no encryption. */
const INDIFFERENT = ['disable', 'allow', 'prefer'];

interface Named {
  readonly clientUrl?: string | undefined;
  readonly driverOptions?: unknown;
}

/**
 * MikroORM takes only server, user, password and database out of `clientUrl`, so a URL that asks for TLS gets none.
 * Answers a sentence for each such URL.
 */
export function unencrypted(
  config: MikroORM['config'],
  connection: Readonly<Record<string, unknown>>,
): readonly string[] {
  const mode = process.env[ENVIRONMENT] ?? 'disable';
  if (mode !== 'disable') return [];
  const replicas = (config.get('replicas') ?? []) as readonly Named[];
  const ofReplicas = replicas.map((replica, index) => ({
    name: `clientUrl of replicas[${index}]`,
    url: replica.clientUrl,
    options: replica.driverOptions ?? config.get('driverOptions'),
  }));
  const places = [{ name: 'clientUrl', url: config.get('clientUrl'), options: connection }, ...ofReplicas];
  return places.flatMap(({ name, url, options }) => {
    const wish = wishOf(url);
    return wish === undefined || hasTls(options) ? [] : [warning(name, wish)];
  });
}

function warning(name: string, wish: string): string {
  return (
    `${name} has ${wish}, which MikroORM ignores: the connection to PostgreSQL is in plain text, and so is ` +
    "Spillway's. Set driverOptions: { ssl: { rejectUnauthorized: true } } in the ORM's configuration, with ca for a " +
    'certificate authority of your own, and take the parameter out of the URL'
  );
}

/** The parameter by which a URL asks for TLS. */
function wishOf(clientUrl: string | undefined): string | undefined {
  if (clientUrl === undefined || !URL.canParse(clientUrl)) return undefined;
  const { searchParams } = new URL(clientUrl);
  const mode = searchParams.get('sslmode');
  if (mode !== null && !INDIFFERENT.includes(mode)) return `sslmode=${mode}`;
  const ssl = searchParams.get('ssl');
  return ssl === null || ['0', 'false'].includes(ssl) ? undefined : `ssl=${ssl}`;
}

/** MikroORM passes a connection string of `pg` itself on, before all else. */
function hasTls(options: unknown): boolean {
  if (typeof options !== 'object' || options === null) return typeof options === 'function';
  return Boolean(Reflect.get(options, 'ssl')) || Reflect.has(options, 'connectionString');
}
