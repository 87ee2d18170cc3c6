/**
 * Puts a method in the place of another one of a class. A method that this release of MikroORM does not have is none
 * to hook.
 */
export function replaceMethod<Method extends (...parameters: never[]) => unknown>(
  prototype: object,
  name: string,
  make: (original: Method) => Method,
): void {
  const original: unknown = Reflect.get(prototype, name);
  if (typeof original !== 'function') return;
  Object.defineProperty(prototype, name, { value: make(original as Method), configurable: true, writable: true });
}
