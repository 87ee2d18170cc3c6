import { MikroORM, defineEntity, p } from '@mikro-orm/postgresql';
import { describe, expect, test } from 'vitest';
import { unencrypted } from '../../../src/mikro-orm/hooks/unencrypted.js';

const Thing = defineEntity({ name: 'Thing', properties: { id: p.integer().primary() } });

function warningsFor(
  settings: { clientUrl: string; driverOptions?: object; replicas?: { clientUrl: string; driverOptions?: object }[] },
  connection: object = settings.driverOptions ?? {},
): readonly string[] {
  return unencrypted(new MikroORM({ entities: [Thing], ...settings }).config, connection as Record<string, unknown>);
}

const URL_OF = (parameters: string): string => `postgres://db.example.com/shop${parameters}`;

describe('sslmode= in clientUrl, which MikroORM ignores, so that the connection is in plain text', () => {
  test.each(['require', 'verify-ca', 'verify-full', 'no-verify'])('%s: a warning names it and the remedy', (mode) => {
    const [warning = ''] = warningsFor({ clientUrl: URL_OF(`?sslmode=${mode}`) });
    expect(warning).toContain(`clientUrl has sslmode=${mode}`);
    expect(warning).toContain('plain text');
    expect(warning).toContain('driverOptions: { ssl: { rejectUnauthorized: true } }');
  });

  test('ssl=true is ignored too', () => {
    expect(warningsFor({ clientUrl: URL_OF('?ssl=true') })).toEqual([
      expect.stringContaining('clientUrl has ssl=true'),
    ]);
  });

  test.each(['', '?sslmode=disable', '?sslmode=prefer', '?ssl=0', '?application_name=shop'])(
    '"%s" asks for no encryption: no warning',
    (parameters) => expect(warningsFor({ clientUrl: URL_OF(parameters) })).toEqual([]),
  );

  test.each([{ ssl: true }, { ssl: { ca: 'a certificate' } }, { connectionString: URL_OF('?sslmode=require') }])(
    'driverOptions %j do what the URL asks for: no warning',
    (driverOptions) => expect(warningsFor({ clientUrl: URL_OF('?sslmode=require'), driverOptions })).toEqual([]),
  );

  test('the URL of a replica is ignored in the same way', () => {
    const replicas = [{ clientUrl: URL_OF('') }, { clientUrl: URL_OF('?sslmode=verify-full') }];
    expect(warningsFor({ clientUrl: URL_OF(''), replicas })).toEqual([
      expect.stringContaining('clientUrl of replicas[1] has sslmode=verify-full'),
    ]);
    const safe = replicas.map((replica) => ({ ...replica, driverOptions: { ssl: true } }));
    expect(warningsFor({ clientUrl: URL_OF(''), replicas: safe })).toEqual([]);
  });

  test('the password of the URL is in no warning', () => {
    const warnings = warningsFor({ clientUrl: 'postgres://ada:s3cret@db.example.com/shop?sslmode=require' });
    expect(warnings).toHaveLength(1);
    expect(warnings.join('')).not.toContain('s3cret');
  });
});
