import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Chains } from '../adapters/chains/index.ts';
import { Database } from '../platform/database.ts';
import { Health } from '../platform/health.ts';
import { Metrics } from '../platform/metrics.ts';

/** Readiness of every chain's node, and how far behind each chain is read. */
@Injectable()
export class ChainsStatus implements OnModuleInit {
  constructor(
    private readonly chains: Chains,
    private readonly database: Database,
    private readonly health: Health,
    private readonly metrics: Metrics,
  ) {}

  onModuleInit(): void {
    for (const chain of this.chains.all()) {
      this.health.add(`chain.${chain.id}`, async () => {
        await chain.tip();
        return null;
      });
    }
    this.gauge('lockstep_chain_blocks_behind', 'Blocks of a chain that are not read yet', 'tip_height - height');
    this.gauge(
      'lockstep_chain_read_age_seconds',
      'Time since a chain was last read',
      'extract(epoch FROM lockstep_now() - read_at)',
    );
    this.gauge(
      'lockstep_chain_blocks_unfinal',
      'Blocks of a chain that are read and not final',
      'height - final_height',
    );
  }

  private gauge(name: string, help: string, expression: string): void {
    this.metrics.gauge(name, help, ['chain'], async () => {
      const { rows } = await this.database.pool.query<{ chain: string; value: number }>(
        `SELECT chain, (${expression})::float8 AS value FROM chain_cursors`,
      );
      return rows.map(({ chain, value }) => ({ labels: { chain }, value }));
    });
  }
}
