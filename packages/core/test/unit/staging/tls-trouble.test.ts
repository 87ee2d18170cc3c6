import { describe, expect, test } from 'vitest';
import { tlsGuess, tlsRemedy, withoutPlace } from '../../../src/staging/redis/tls-trouble.js';

const TLS = { isTls: true, option: '"tls"' };
const PLAIN = { isTls: false, option: '"tls"' };
const OPENSSL =
  '409DC259AC7F0000:error:0A00045C:SSL routines:ssl3_read_bytes:tlsv13 alert certificate required:' +
  '../deps/openssl/openssl/ssl/record/rec_layer_s3.c:918:SSL alert number 116\n';

describe('what Node or OpenSSL says has a remedy', () => {
  test.each([
    ['self-signed certificate in certificate chain', /as "ca" of "tls"/u],
    ['unable to verify the first certificate', /as "ca" of "tls"/u],
    ['unable to get local issuer certificate', /as "ca" of "tls"/u],
    [
      "Hostname/IP does not match certificate's altnames: Host: a. is not in the cert's altnames: DNS:b",
      /"servername"/u,
    ],
    ['certificate has expired', /Renew its certificate, and see whether the clocks/u],
    ['error:05800074:x509 certificate routines::key values mismatch', /Give the private key of "cert"/u],
    [OPENSSL, /It wants a certificate of its clients/u],
    ['error:0A000418:SSL routines:ssl3_read_bytes:tlsv1 alert unknown ca:x', /does not accept the certificate/u],
    [
      'error:0A000415:SSL routines:ssl3_read_bytes:sslv3 alert certificate expired:x',
      /does not accept the certificate/u,
    ],
    ['error:0A00010B:SSL routines:ssl3_get_record:wrong version number:x', /It speaks no TLS at that port/u],
  ])('%s', (said, remedy) => {
    expect(tlsRemedy(new Error(said), TLS)).toMatch(remedy);
  });

  test('and nothing else has one', () => {
    expect(tlsRemedy(new Error('connect ECONNREFUSED 127.0.0.1:6379'), TLS)).toBeUndefined();
  });
});

test('where a server ends the connection or says nothing, TLS may be the cause', () => {
  expect(tlsGuess(new Error('read ECONNRESET'), PLAIN)).toContain(
    'If it speaks only TLS at that port, write rediss://',
  );
  expect(tlsGuess(new Error('write EPIPE'), TLS)).toContain('give "cert" and "key" of "tls"');
  expect(tlsGuess(new Error('connect ETIMEDOUT'), TLS)).toContain('If it speaks no TLS at that port, write redis://');
  expect(tlsGuess(new Error('connect ETIMEDOUT'), PLAIN)).toBe('');
  expect(tlsGuess(new Error('connect ECONNREFUSED'), TLS)).toBe('');
});

test('a message has no place in the code of OpenSSL', () => {
  expect(withoutPlace(OPENSSL)).toBe('tlsv13 alert certificate required');
  expect(withoutPlace('error:05800074:x509 certificate routines::key values mismatch')).toBe('key values mismatch');
  expect(withoutPlace('connect ECONNREFUSED 127.0.0.1:6379')).toBe('connect ECONNREFUSED 127.0.0.1:6379');
});
