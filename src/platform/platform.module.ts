import { type DynamicModule, Global, Module } from '@nestjs/common';
import type { Logger } from 'pino';
import { Clock } from './clock.ts';
import { Config } from './config.ts';
import { Database } from './database.ts';
import { Health } from './health.ts';
import { Metrics } from './metrics.ts';
import { Once } from './once.ts';
import { Outbox } from './outbox.ts';

/** Token of the process's log: `@Inject(LOGGER) logger: Logger`. */
export const LOGGER = Symbol('LOGGER');

const SHARED = [Database, Clock, Once, Outbox, Health, Metrics];

@Global()
@Module({})
class PlatformModule {}

/** What every room may inject: settings, log, database, clock, once, outbox, health, metrics. */
export const platformModule = (config: Config, logger: Logger): DynamicModule => ({
  module: PlatformModule,
  providers: [{ provide: Config, useValue: config }, { provide: LOGGER, useValue: logger }, ...SHARED],
  exports: [Config, LOGGER, ...SHARED],
});
