import { registerHooks } from 'node:module';

/** Lets plain Node run the sources, for tests that need a process of its own to kill: `./x.js` is `./x.ts` there. */
registerHooks({
  resolve(specifier, context, next) {
    try {
      return next(specifier, context);
    } catch (error) {
      if (specifier.startsWith('.') && specifier.endsWith('.js')) {
        return next(`${specifier.slice(0, -'.js'.length)}.ts`, context);
      }
      throw error;
    }
  },
});
