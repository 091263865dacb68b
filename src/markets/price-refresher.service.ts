import { Inject, Injectable, type OnApplicationBootstrap, type BeforeApplicationShutdown } from '@nestjs/common';
import type { Logger } from 'pino';
import { Clock } from '../platform/clock.ts';
import { Config } from '../platform/config.ts';
import { Health } from '../platform/health.ts';
import { Metrics } from '../platform/metrics.ts';
import { LOGGER } from '../platform/platform.module.ts';
import { AssetCatalog } from './catalog.ts';
import { isAccepted, Markets } from './markets.service.ts';

/** Keeps the prices of this process fresh: one refresh after the other, `TICK_MS` apart, from start to shutdown. */
@Injectable()
export class PriceRefresher implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();
  private stopped = false;
  private fault: string | null = 'not read yet';

  constructor(
    private readonly markets: Markets,
    private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
    health: Health,
    metrics: Metrics,
    catalog: AssetCatalog,
    clock: Clock,
  ) {
    // An asset without a price is refused by itself; the process is not ready only while it cannot ask.
    health.add('prices', async () => this.fault);
    metrics.gauge('lockstep_price_available', '1 where an asset has an accepted price', ['asset'], async () => {
      const now = await clock.now();
      return catalog
        .all()
        .map(({ id }) => ({ labels: { asset: id }, value: isAccepted(markets.rate(id, now)) ? 1 : 0 }));
    });
  }

  onApplicationBootstrap(): void {
    this.running = this.tick();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.running;
  }

  private async tick(): Promise<void> {
    try {
      await this.markets.refresh();
      this.fault = null;
    } catch (error) {
      // Prices run out by their age while this lasts; nothing is quoted then.
      this.fault = 'the last refresh failed';
      this.logger.error({ err: error }, 'prices were not refreshed');
    }
    if (this.stopped) return;
    this.timer = setTimeout(() => {
      this.running = this.tick();
    }, this.config.settings.TICK_MS);
  }
}
