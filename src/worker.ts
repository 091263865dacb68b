import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { Chains } from './adapters/chains/index.ts';
import { workerModule } from './app.module.ts';
import { Addresses } from './deposits/addresses.service.ts';
import { Config } from './platform/config.ts';
import { drainOnSignal } from './platform/drain.ts';
import { createLogger, NestLog } from './platform/logging.ts';

/** The process that reads chains, moves money and holds the signing keys. Any number may run side by side. */
async function main(): Promise<void> {
  const config = Config.parse(process.env);
  const logger = createLogger(config.settings.LOG_LEVEL, 'worker');
  const module = workerModule(config, logger);
  const app = await NestFactory.createApplicationContext(module, { abortOnError: false, logger: new NestLog(logger) });
  drainOnSignal(app, logger, fail);
  await app.get(Chains).verify();
  await app.get(Addresses, { strict: false }).openFloat();
  logger.info('working');
}

/** One line that says what is wrong; a stack would hide it. */
function fail(error: unknown): void {
  const text = (error instanceof Error ? error.message : String(error)).replaceAll(/\s+/g, ' ').trim();
  process.stderr.write(`worker: ${text}\n`);
  process.exit(1);
}

main().catch(fail);
