import type { ValidationIssue } from './validation-error.js';

/** What is used of class-validator. */
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

/** class-validator, loaded at the first use; `undefined` where it is not installed, for then nobody can have used its decorators. */
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
