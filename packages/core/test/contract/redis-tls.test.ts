import { type Certificate, Certificates, hasTls, redis, type PrivateRedis } from '@spillway/test-support';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SpillwayError } from '../../src/errors.js';
import { openRedisStaging } from '../../src/staging/redis/open-redis-staging.js';
import type { RedisTarget } from '../../src/staging/redis/redis-target.js';
import { Bench } from '../../src/testing/contract/bench.js';

const made = new Certificates();
const ours = made.authority('ours');
const another = made.authority('another');
const ofClient = made.signed('client', ours, 'DNS:client');
const ofStranger = made.signed('stranger', another, 'DNS:client');

/** Speaks only TLS. */
async function secure(certificate: Certificate, clients: 'yes' | 'no'): Promise<PrivateRedis> {
  return redis({
    'tls-port': 'any',
    'tls-cert-file': certificate.certFile,
    'tls-key-file': certificate.keyFile,
    'tls-ca-cert-file': ours.certFile,
    'tls-auth-clients': clients,
  });
}

describe.skipIf(!hasTls())('Redis that was built with TLS', () => {
  let strict: PrivateRedis;
  let lenient: PrivateRedis;
  let named: PrivateRedis;
  let plain: PrivateRedis;
  beforeAll(async () => {
    const ofServer = made.signed('server', ours, 'IP:127.0.0.1,DNS:localhost');
    strict = await secure(ofServer, 'yes');
    lenient = await secure(ofServer, 'no');
    named = await secure(made.signed('named', ours, 'DNS:redis.example'), 'no');
    plain = await redis();
  });
  afterAll(async () => {
    for (const server of [strict, lenient, named, plain]) await server.stop();
    made[Symbol.dispose]();
  });

  const at = ({ port }: PrivateRedis, tls?: object): RedisTarget => ({ host: '127.0.0.1', port, ...(tls && { tls }) });

  async function failureOf(target: RedisTarget): Promise<SpillwayError> {
    return openRedisStaging({ redis: target, shards: Bench.shards, commandTimeoutMs: 1_000 }).then(
      async (store) => {
        await store.close();
        return expect.unreachable('it has been opened');
      },
      (error: unknown) => error as SpillwayError,
    );
  }

  /** Stages and flushes rows. @returns how many */
  async function flushedAt(target: RedisTarget): Promise<number> {
    const store = await openRedisStaging({ redis: target, shards: Bench.shards });
    await store.adopt(0, 'T0');
    const bench = new Bench(store);
    await bench.stage({ kind: 'insert' });
    const { records } = await bench.flush();
    await store.close();
    return records.size;
  }

  describe('Redis by TLS', () => {
    test('serves a client that trusts its authority, and shows a certificate of its own', async () => {
      expect(await flushedAt(at(strict, { ca: ours.cert, cert: ofClient.cert, key: ofClient.key }))).toBe(1);
    });

    test('serves a client without one, where it asks for none', async () => {
      expect(await flushedAt(at(lenient, { ca: ours.cert }))).toBe(1);
    });

    test('is known by the name that is given for it', async () => {
      expect(await flushedAt(at(named, { ca: ours.cert, servername: 'redis.example' }))).toBe(1);
    });
  });

  describe('that cannot be opened by TLS says what to do', () => {
    const untrusted =
      /\(self-signed certificate in certificate chain\)\. No authority that this process trusts has signed its certificate\. Give .* as "ca" of "tls" in the "redis" option/u;

    test('a server whose authority this process does not know', async () => {
      expect((await failureOf(at(lenient, { ca: another.cert }))).message).toMatch(untrusted);
    });

    test('a URL, which has no place for the authority', async () => {
      expect((await failureOf(lenient.url)).message).toMatch(untrusted);
    });

    test('a server whose certificate is for another name', async () => {
      expect((await failureOf(at(named, { ca: ours.cert }))).message).toMatch(
        /Its certificate is for other names\. Connect by .* or give that name as "servername" of "tls" in the "redis" option/u,
      );
    });

    // The server says so and ends the connection: what comes first is luck, and each has a sentence.
    test('a client without a certificate, where one is wanted', async () => {
      expect((await failureOf(at(strict, { ca: ours.cert }))).message).toMatch(
        /It wants a certificate of its clients\. Give .* "cert" and "key" of "tls"|If it wants a certificate of its clients, give "cert" and "key" of "tls"/u,
      );
    });

    test('a client with a certificate of an authority that the server does not know', async () => {
      const strange = { ca: ours.cert, cert: ofStranger.cert, key: ofStranger.key };
      expect((await failureOf(at(strict, strange))).message).toMatch(
        /does not accept the certificate of this client .*signed by an authority that the server trusts|If it wants a certificate of its clients/u,
      );
    });

    test('a private key that is of another certificate', async () => {
      const mixed = { ca: ours.cert, cert: ofClient.cert, key: ofStranger.key };
      expect((await failureOf(at(strict, mixed))).message).toMatch(
        /\(key values mismatch\)\. Give the private key of "cert" as "key" of "tls"/u,
      );
    });

    test('plain text, where the server speaks only TLS', async () => {
      expect((await failureOf(`redis://127.0.0.1:${strict.port}`)).message).toMatch(
        /Check that it runs there, .* If it speaks only TLS at that port, write rediss:\/\/, or add "tls" to the "redis" option/u,
      );
    });

    test('TLS, where the server speaks none', async () => {
      expect((await failureOf(`rediss://127.0.0.1:${plain.port}`)).message).toMatch(
        /Check that it runs there, .* If it speaks no TLS at that port, write redis:\/\//u,
      );
    });

    test('all of them with one code, and without a place in the code of OpenSSL', async () => {
      for (const target of [at(lenient, {}), at(strict, { ca: ours.cert }), `redis://127.0.0.1:${strict.port}`]) {
        const { code, message } = await failureOf(target);
        expect(code).toBe('STAGING_UNAVAILABLE');
        expect(message).not.toMatch(/rec_layer|error:[\dA-F]{8}/u);
      }
    });
  });
});
