import { Injectable } from '@nestjs/common';
import { ChainWatch } from '../deposits/watch.service.ts';
import { Job } from './job.ts';

/** Reads a chain's new blocks and mempool for money at our addresses. */
@Injectable()
export class WatchChainJob extends Job {
  readonly name = 'watch-chain';
  constructor(private readonly watch: ChainWatch) {
    super();
  }
  async run(chain: string): Promise<void> {
    await this.watch.run(chain);
  }
}
