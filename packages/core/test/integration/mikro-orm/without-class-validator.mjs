import { registerHooks } from 'node:module';

/** Runs the sources as an application that has not installed class-validator. */
registerHooks({
  resolve(specifier, context, next) {
    if (specifier !== 'class-validator') return next(specifier, context);
    throw Object.assign(new Error("Cannot find package 'class-validator'"), { code: 'ERR_MODULE_NOT_FOUND' });
  },
});
const { classValidator } = await import('../../../src/mikro-orm/validate/validation.js');
const [first, again] = await Promise.all([classValidator(), classValidator()]);
process.stdout.write(JSON.stringify({ isThere: first !== undefined, isAsked: again !== undefined }));
