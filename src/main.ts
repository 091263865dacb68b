import 'reflect-metadata';
import { createApp } from './access/shell.ts';
import { Chains } from './adapters/chains/index.ts';
import { appModule } from './app.module.ts';
import { Config } from './platform/config.ts';
import { drainOnSignal } from './platform/drain.ts';
import { createLogger } from './platform/logging.ts';

/** The REST process: reads its settings, listens, and on SIGTERM or SIGINT finishes what it has begun. */
async function main(): Promise<void> {
  const config = Config.parse(process.env);
  const logger = createLogger(config.settings.LOG_LEVEL, 'main');
  const app = await createApp(appModule(config, logger), logger);
  drainOnSignal(app, logger, fail);
  // Deposit addresses and quotes are made here: a node of another network must not be believed for a moment.
  await app.get(Chains).verify();
  await app.listen(config.settings.PORT, config.settings.HOST);
  logger.info({ url: config.settings.PUBLIC_URL ?? (await app.getUrl()) }, 'listening');
}

/** One line that says what is wrong; a stack would hide it. */
function fail(error: unknown): void {
  const text = error instanceof Error ? error.message : String(error);
  const taken = /EADDRINUSE.*:(\d+)$/.exec(text.split('\n')[0] ?? '');
  process.stderr.write(`lockstep: ${taken === null ? text.split('\n')[0] : `port ${taken[1]} is in use`}\n`);
  process.exit(1);
}

main().catch(fail);
