import { SLOTS } from './hash-slot.js';

/** Some neighbouring slots, and the address of the primary that has them. */
export interface SlotRange {
  readonly first: number;
  readonly last: number;
  readonly address: string;
}

/** Which primary has which slot, as far as this process knows. */
export class SlotTable {
  #addresses: (string | undefined)[] = Array.from({ length: SLOTS });

  addressOf(slot: number): string | undefined {
    return this.#addresses[slot];
  }

  /** One slot has moved. */
  set(slot: number, address: string): void {
    this.#addresses[slot] = address;
  }

  replace(ranges: readonly SlotRange[]): void {
    const addresses: (string | undefined)[] = Array.from({ length: SLOTS });
    for (const { first, last, address } of ranges) addresses.fill(address, first, last + 1);
    this.#addresses = addresses;
  }
}

/**
 * The answer of CLUSTER SLOTS, in which each range names its primary first.
 * @param asked the address of the server that has answered: it may leave its own host out
 */
export function rangesOf(answer: unknown, asked: string): readonly SlotRange[] {
  return (answer as readonly (readonly unknown[])[]).flatMap(([first, last, primary]) => {
    const [host, port] = primary as readonly unknown[];
    const address = addressIn(host, port, asked);
    return address === undefined ? [] : [{ first: Number(first), last: Number(last), address }];
  });
}

function addressIn(host: unknown, port: unknown, asked: string): string | undefined {
  const name = Buffer.isBuffer(host) ? host.toString() : '';
  if (name === '?') return undefined;
  return `${name === '' ? hostOf(asked) : name}:${String(port)}`;
}

/** IPv6 addresses stand without brackets, as Redis says them. */
export function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(':'));
}

export function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}
