import { Controller, Get, Param, Query } from '@nestjs/common';
import type { Caller } from '../access/caller.ts';
import { Answers, CurrentCaller, Needs } from '../access/decorators.ts';
import { idField } from '../access/fields.ts';
import { type PageQuery, page, pageOf, pageQuery, timePosition } from '../access/page.ts';
import { AssetCatalog } from '../markets/catalog.ts';
import { PayoutReader } from './payout-reader.service.ts';
import { type PayoutRecord, payoutView, viewPayout } from './payout-view.ts';

const payoutId = idField('payout');

/** Payables that were paid, or are on their way. */
@Controller('v1/payouts')
export class PayoutsController {
  constructor(
    private readonly reader: PayoutReader,
    private readonly catalog: AssetCatalog,
  ) {}

  @Get()
  @Needs('payouts:read')
  @Answers(200, pageOf(payoutView), 'Payouts, newest first')
  async listPayouts(@CurrentCaller() caller: Caller, @Query({ schema: pageQuery }) query: PageQuery) {
    const rows = await this.reader.list(caller, query.limit, query.cursor);
    return page('payouts', rows, query.limit, timePosition, (row) => this.view(row));
  }

  @Get(':id')
  @Needs('payouts:read')
  @Answers(200, payoutView, 'The payout')
  async getPayout(@CurrentCaller() caller: Caller, @Param('id', { schema: payoutId }) id: string) {
    return this.view(await this.reader.require(caller, id));
  }

  private view(row: PayoutRecord) {
    return viewPayout(row, this.catalog.require(row.asset));
  }
}
