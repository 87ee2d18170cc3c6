import type { ValidationIssue } from './validation-error.js';

/** The part of class-validator that Spillway uses. */
export interface ClassValidator {
  validate(object: object, options: object): Promise<readonly ValidationIssue[]>;
  getMetadataStorage(): {
    getTargetValidationMetadatas(
      target: unknown,
      schema: string,
      always: boolean,
      strictGroups: boolean,
      groups?: readonly string[],
    ): readonly unknown[];
  };
}

let loading: Promise<ClassValidator | undefined> | undefined;

/**
 * class-validator, loaded at the first use; `undefined` if it is not installed, since no entity can then use its
 * decorators.
 */
export function classValidator(): Promise<ClassValidator | undefined> {
  loading ??= load();
  return loading;
}

async function load(): Promise<ClassValidator | undefined> {
  try {
    const loaded = (await import('class-validator')) as unknown as ClassValidator & { default?: ClassValidator };
    return loaded.default?.validate ? loaded.default : loaded;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}
