import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { Logger } from 'pino';
import type { VenueContext } from '../adapters/venue.ts';
import { AssetCatalog } from '../markets/catalog.ts';
import { viewMoney } from '../access/fields.ts';
import { Database } from '../platform/database.ts';
import { Metrics } from '../platform/metrics.ts';
import { Outbox } from '../platform/outbox.ts';
import { LOGGER } from '../platform/platform.module.ts';

/** Tells the operator, once each time, that the float of an asset fell below its low-water mark. */
@Injectable()
export class FloatAlarm implements OnModuleInit {
  constructor(
    private readonly database: Database,
    private readonly catalog: AssetCatalog,
    private readonly outbox: Outbox,
    private readonly metrics: Metrics,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onModuleInit(): void {
    const help = '1 while the own float of an asset is below its low-water mark';
    this.metrics.gauge('lockstep_float_low', help, ['asset'], async () => {
      const rows = await this.database.prisma.$queryRaw<{ asset: string; low: boolean }[]>`
        SELECT asset, low FROM float_marks`;
      return rows.map(({ asset, low }) => ({ labels: { asset }, value: low ? 1 : 0 }));
    });
  }

  /** Compares every float with its mark and writes `float.low` for those that crossed it downwards. */
  async check({ float, floatLow }: VenueContext): Promise<void> {
    for (const asset of this.catalog.all()) {
      const [units, mark] = [float.get(asset.id) ?? 0n, floatLow.get(asset.id) ?? 0n];
      const low = units < mark;
      const crossed = await this.database.transaction(async (tx) => {
        const changed = await tx.$executeRaw`
          INSERT INTO float_marks (asset, low, changed_at) VALUES (${asset.id}, ${low}, lockstep_now())
          ON CONFLICT (asset) DO UPDATE SET low = excluded.low, changed_at = excluded.changed_at
          WHERE float_marks.low <> excluded.low`;
        if (changed === 0 || !low) return false;
        const data = { float: viewMoney(asset, units), lowWater: viewMoney(asset, mark) };
        await this.outbox.write(tx, [{ type: 'float.low', subject: asset.id, tenantId: null, data }]);
        return true;
      });
      if (crossed) this.logger.warn({ asset: asset.id }, 'the float is below its low-water mark');
    }
  }
}
