/** The items of an asynchronous iterable, in chunks of this size. */
export async function* chunksOf<T>(items: AsyncIterable<T>, size: number): AsyncIterableIterator<T[]> {
  let chunk: T[] = [];
  for await (const item of items) {
    chunk.push(item);
    if (chunk.length < size) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}
