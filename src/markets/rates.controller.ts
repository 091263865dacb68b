import { Controller, Get } from '@nestjs/common';
import { z } from 'zod';
import { Answers, Needs } from '../access/decorators.ts';
import { Clock } from '../platform/clock.ts';
import { AssetCatalog } from './catalog.ts';
import { Markets } from './markets.service.ts';
import { rateView, viewRate } from './view.ts';

/** What every asset is worth now, and how that is known. */
@Controller('v1/rates')
export class RatesController {
  constructor(
    private readonly markets: Markets,
    private readonly catalog: AssetCatalog,
    private readonly clock: Clock,
  ) {}

  @Get()
  @Needs('rates:read')
  @Answers(200, z.strictObject({ data: z.array(rateView) }), 'The accepted price of every asset with its sources')
  async listRates() {
    const now = await this.clock.now();
    return { data: this.catalog.all().map(({ id }) => viewRate(this.markets.rate(id, now), now)) };
  }
}
