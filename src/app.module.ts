import { type DynamicModule, Module } from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR } from '@nestjs/core';
import type { Logger } from 'pino';
import { AccessGuard } from './access/access.guard.ts';
import { AccessModule } from './access/access.module.ts';
import { OnceInterceptor } from './access/once.interceptor.ts';
import { MarketsModule } from './markets/markets.module.ts';
import { OperationsModule } from './operations/operations.module.ts';
import type { Config } from './platform/config.ts';
import { platformModule } from './platform/platform.module.ts';
import { WebhooksModule } from './webhooks/webhooks.module.ts';

/** The rooms, in the order of the arrows: each imports only from those before it. */
export const ROOMS = [AccessModule, MarketsModule, WebhooksModule, OperationsModule];

@Module({})
class AppModule {}

/** The REST service: every room, behind one guard. Holds no signing key. */
export const appModule = (config: Config, logger: Logger): DynamicModule => ({
  module: AppModule,
  imports: [platformModule(config, logger), ...ROOMS],
  providers: [
    { provide: APP_GUARD, useClass: AccessGuard },
    { provide: APP_INTERCEPTOR, useClass: OnceInterceptor },
  ],
});
