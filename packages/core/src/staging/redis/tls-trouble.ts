/** What a failed connection had of TLS. */
export interface TlsGiven {
  readonly isTls: boolean;
  /** The option that has the certificates, for messages: `"tls"`. */
  readonly option: string;
}

type Remedy = (given: TlsGiven) => string;

/** What Node and OpenSSL say, with what to do. The first that fits counts. */
const REMEDIES: readonly (readonly [said: RegExp, remedy: Remedy])[] = [
  [
    /self-signed certificate|unable to verify|unable to get (?:local )?issuer|certificate not trusted/iu,
    ({ option }) =>
      'No authority that this process trusts has signed its certificate. ' +
      `Give the certificate of the authority that has, in PEM, as "ca" of ${option} in the "redis" option`,
  ],
  [
    /does not match certificate's altnames/iu,
    ({ option }) =>
      'Its certificate is for other names. Connect by a name that stands there, ' +
      `or give that name as "servername" of ${option} in the "redis" option`,
  ],
  [
    /^certificate (?:has expired|is not yet valid)/iu,
    () => 'Renew its certificate, and see whether the clocks of both machines are right',
  ],
  [
    /key values mismatch/iu,
    ({ option }) => `Give the private key of "cert" as "key" of ${option} in the "redis" option`,
  ],
  [
    /alert certificate required|peer did not return a certificate/iu,
    ({ option }) =>
      `It wants a certificate of its clients. Give that, and its private key, as "cert" and "key" of ${option} in the "redis" option`,
  ],
  [
    /alert (?:unknown ca|bad certificate|unsupported certificate|certificate \w+)/iu,
    ({ option }) =>
      `It does not accept the certificate of this client ("cert" of ${option} in the "redis" option). ` +
      'Have it signed by an authority that the server trusts (tls-ca-cert-file)',
  ],
  [
    /wrong version number|packet length too long/iu,
    () => 'It speaks no TLS at that port. Write redis:// in the place of rediss://, or take its TLS port',
  ],
];

/** The other side has ended the connection without a word, or says nothing. */
const ENDED = /ECONNRESET|EPIPE|Connection is closed|socket hang up|disconnected before secure/u;
const SILENT = /ETIMEDOUT/u;

/** What to do about a connection that certificates have kept from being opened; nothing if it was something else. */
export function tlsRemedy({ message }: Error, given: TlsGiven): string | undefined {
  return REMEDIES.find(([said]) => said.test(message))?.[1](given);
}

/** What else may be the cause, where a server does not say what it dislikes. */
export function tlsGuess({ message }: Error, { isTls, option }: TlsGiven): string {
  if (!isTls && ENDED.test(message))
    return '. If it speaks only TLS at that port, write rediss://, or add "tls" to the "redis" option';
  if (isTls && ENDED.test(message))
    return `. If it wants a certificate of its clients, give "cert" and "key" of ${option}`;
  if (isTls && SILENT.test(message)) return '. If it speaks no TLS at that port, write redis://';
  return '';
}

/** What OpenSSL says, without the place in its own code: `tlsv13 alert certificate required`. */
export function withoutPlace(message: string): string {
  const [, said] = /\berror:[\dA-F]{8}:[^:]*:[^:]*:([^:\n]+)/u.exec(message) ?? [];
  return said ?? message;
}
