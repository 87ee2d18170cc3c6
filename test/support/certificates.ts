import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { programOf } from './programs.js';

/** A certificate and its private key, in PEM, and the files that have them. */
export interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly certFile: string;
  readonly keyFile: string;
}

/** Whether the server program of this machine was built with TLS. If so, it complains that there is no certificate. */
export function hasTls(): boolean {
  const args = ['--port', '0', '--tls-port', '1', '--tls-cert-file', 'none', '--tls-key-file', 'none'];
  const { stdout } = spawnSync(programOf('redis'), args, { encoding: 'utf8', cwd: tmpdir() });
  return !/bad directive|finding TLS support/iu.test(stdout);
}

/** Makes certificates of one's own, with OpenSSL, in a folder that goes with this. */
export class Certificates implements Disposable {
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'spillway-certificates-'));

  /** An authority that nobody knows but who is given its certificate. */
  authority(name: string): Certificate {
    const made = this.#files(name);
    const { certFile, keyFile } = made;
    const subject = ['-subj', `/CN=${name}`, '-addext', 'basicConstraints=critical,CA:TRUE'];
    this.#openssl('req', '-x509', ...KEY, '-days', '2', ...subject, '-keyout', keyFile, '-out', certFile);
    return read(made);
  }

  /** @param names as X.509 has them: `IP:127.0.0.1,DNS:localhost` */
  signed(name: string, by: Certificate, names: string): Certificate {
    const made = this.#files(name);
    const { certFile, keyFile } = made;
    const [request, extensions] = [path.join(this.#folder, `${name}.csr`), path.join(this.#folder, `${name}.ext`)];
    writeFileSync(extensions, `subjectAltName=${names}\n`);
    this.#openssl('req', ...KEY, '-subj', `/CN=${name}`, '-keyout', keyFile, '-out', request);
    const signer = ['-CA', by.certFile, '-CAkey', by.keyFile, '-CAcreateserial'];
    this.#openssl('x509', '-req', '-in', request, ...signer, '-days', '2', '-extfile', extensions, '-out', certFile);
    return read(made);
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #files(name: string): Pick<Certificate, 'certFile' | 'keyFile'> {
    return { certFile: path.join(this.#folder, `${name}.crt`), keyFile: path.join(this.#folder, `${name}.key`) };
  }

  #openssl(...args: readonly string[]): void {
    execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  }
}

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

function read(made: Pick<Certificate, 'certFile' | 'keyFile'>): Certificate {
  return { ...made, cert: readFileSync(made.certFile), key: readFileSync(made.keyFile) };
}
