/** Replaces a method. Does nothing if it is missing: `contract/methods.ts` says which methods may be. */
export function replaceMethod<Method extends (...parameters: never[]) => unknown>(
  prototype: object,
  name: string,
  make: (original: Method) => Method,
): void {
  const original: unknown = Reflect.get(prototype, name);
  if (typeof original !== 'function') return;
  Object.defineProperty(prototype, name, { value: make(original as Method), configurable: true, writable: true });
}
