import { CLIHelper } from '@mikro-orm/cli';
import type { MikroORM } from '@mikro-orm/core';
import { printable, Spillway } from '@spillway/core';
import { WrongUsage } from './exit-code.js';

/** Which configuration is meant. */
export interface WhichConfiguration {
  /** The file; by default it is looked for as MikroORM's own command line does. */
  readonly config?: string | undefined;
  /** The name of a configuration, in a file that has several. */
  readonly context?: string | undefined;
}

/** An ORM of the application's configuration, with the service beside it. */
export interface OpenOrm extends AsyncDisposable {
  readonly orm: MikroORM;
  readonly spillway: Spillway;
}

/**
 * Opens the ORM of the application as `mikro-orm` does: by the same settings of package.json, environment variables and
 * loaders of TypeScript. Nothing is connected yet, and no worker runs.
 *
 * @throws WrongUsage the configuration is missing, fails, or has no Spillway
 */
export async function openOrm({ config, context }: WhichConfiguration): Promise<OpenOrm> {
  const orm = await initialised(config, context);
  let spillway: Spillway;
  try {
    spillway = Spillway.of(orm);
  } catch (error) {
    await orm.close();
    throw error;
  }
  return {
    orm,
    spillway,
    async [Symbol.asyncDispose]() {
      // `orm.close()` would write what is pending, where the configuration has a worker.
      await spillway.stop({ drain: false, timeout: '5s' });
      await orm.close();
    },
  };
}

async function initialised(config: string | undefined, context: string | undefined): Promise<MikroORM> {
  // Spillway's command line depends on that of MikroORM, so the application need not name it as well.
  process.env['MIKRO_ORM_ALLOW_GLOBAL_CLI'] ??= '1';
  try {
    await supportTypeScript();
    return await CLIHelper.getORM(context, config === undefined ? undefined : [config]);
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    throw new WrongUsage(
      printable(
        `The configuration of MikroORM cannot be opened: ${said}. ` +
          'Name its file by --config, by MIKRO_ORM_CLI_CONFIG, or under "mikro-orm" in package.json',
      ),
      { cause: error },
    );
  }
}

/** As the command line of MikroORM begins. */
async function supportTypeScript(): Promise<void> {
  const { preferTs, tsConfigPath, tsLoader } = CLIHelper.getSettings();
  if (preferTs === false) return;
  if (!(await CLIHelper.registerTypeScriptSupport(tsConfigPath, tsLoader)))
    process.env['MIKRO_ORM_CLI_PREFER_TS'] ??= '0';
}
