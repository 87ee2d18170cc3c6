import { isUtf8 } from 'node:buffer';

/** How many bytes follow the first byte of a value of a fixed size: numbers. */
const FIXED: Readonly<Record<number, number>> = {
  0xca: 4,
  0xcb: 8,
  0xcc: 1,
  0xcd: 2,
  0xce: 4,
  0xcf: 8,
  0xd0: 1,
  0xd1: 2,
  0xd2: 4,
  0xd3: 8,
};

/**
 * True if all texts of a MessagePack value are UTF-8. A decoder replaces invalid bytes by U+FFFD, which a text may also
 * contain. A caller that meets U+FFFD therefore asks this function.
 *
 * @param bytes of a value that has been decoded, of texts, numbers, lists and maps
 */
export function textsAreUtf8(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const size = (width: 1 | 2 | 4): number => {
    at += width;
    return width === 1 ? view.getUint8(at - 1) : width === 2 ? view.getUint16(at - 2) : view.getUint32(at - 4);
  };
  for (let values = 1; values > 0 && at < bytes.length; values -= 1) {
    const first = view.getUint8(at);
    at += 1;
    const length = textLength(first, size);
    if (length !== undefined) {
      if (!isUtf8(bytes.subarray(at, at + length))) return false;
      at += length;
    } else {
      values += within(first, size);
      at += FIXED[first] ?? 0;
    }
  }
  return true;
}

/** The length of a text, or of bytes, which count as one. */
function textLength(first: number, size: (width: 1 | 2 | 4) => number): number | undefined {
  if (first >= 0xa0 && first <= 0xbf) return first - 0xa0;
  if (first === 0xd9 || first === 0xc4) return size(1);
  if (first === 0xda || first === 0xc5) return size(2);
  return first === 0xdb || first === 0xc6 ? size(4) : undefined;
}

/** How many values a list or a map contains. */
function within(first: number, size: (width: 2 | 4) => number): number {
  if (first >= 0x80 && first <= 0x8f) return 2 * (first - 0x80);
  if (first >= 0x90 && first <= 0x9f) return first - 0x90;
  if (first === 0xdc || first === 0xdd) return size(first === 0xdc ? 2 : 4);
  return first === 0xde || first === 0xdf ? 2 * size(first === 0xde ? 2 : 4) : 0;
}
