import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { Logger } from 'pino';
import { Config } from '../platform/config.ts';
import { LOGGER } from '../platform/platform.module.ts';
import { Markets } from './markets.service.ts';

/** Keeps the prices of this process fresh: one refresh after the other, `TICK_MS` apart, from start to shutdown. */
@Injectable()
export class PriceRefresher implements OnApplicationBootstrap, OnApplicationShutdown {
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(
    private readonly markets: Markets,
    private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.running = this.tick();
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.running;
  }

  private async tick(): Promise<void> {
    try {
      await this.markets.refresh();
    } catch (error) {
      // Prices run out by their age while this lasts; nothing is quoted then.
      this.logger.error({ err: error }, 'prices were not refreshed');
    }
    if (this.stopped) return;
    this.timer = setTimeout(() => {
      this.running = this.tick();
    }, this.config.settings.TICK_MS);
  }
}
