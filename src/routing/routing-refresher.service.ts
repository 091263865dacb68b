import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { Logger } from 'pino';
import { LOGGER } from '../platform/platform.module.ts';
import { BlockTime } from './block-time.service.ts';
import { NetworkCosts } from './network-costs.service.ts';
import { VenueCosts } from './venue-costs.service.ts';

/** Time between two refreshes; far below the age at which what they bring is refused. */
const REFRESH_MS = 5_000;
/** Sooner after a failure, as nothing is quoted on what is too old. */
const RETRY_MS = 1_000;

/** Keeps depth curves, network fees and the block time of this process fresh, from start to shutdown. */
@Injectable()
export class RoutingRefresher implements OnApplicationBootstrap, OnApplicationShutdown {
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(
    private readonly venueCosts: VenueCosts,
    private readonly networkCosts: NetworkCosts,
    private readonly blockTime: BlockTime,
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
    const sources = [this.blockTime, this.networkCosts, this.venueCosts];
    const outcomes = await Promise.allSettled(sources.map((source) => source.refresh()));
    const failed = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
    for (const err of failed) this.logger.error({ err }, 'routing costs were not refreshed');
    if (this.stopped) return;
    this.timer = setTimeout(
      () => {
        this.running = this.tick();
      },
      failed.length > 0 ? RETRY_MS : REFRESH_MS,
    );
  }
}
