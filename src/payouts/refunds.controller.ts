import { Controller, Get, Param, Query } from '@nestjs/common';
import { z } from 'zod';
import { type Caller, visibleTenant } from '../access/caller.ts';
import { Answers, CurrentCaller, Needs } from '../access/decorators.ts';
import { idField } from '../access/fields.ts';
import { page, pageOf, pageQuery, timePosition } from '../access/page.ts';
import { AssetCatalog } from '../markets/catalog.ts';
import { RefundReader } from './refund-reader.service.ts';
import { refundView, viewRefund } from './refund-view.ts';

const listQuery = z.strictObject({ ...pageQuery.shape, leaseId: idField('lease').optional() });
const refundId = idField('refund');

/** Money on its way back to payers. */
@Controller('v1/refunds')
export class RefundsController {
  constructor(
    private readonly reader: RefundReader,
    private readonly catalog: AssetCatalog,
  ) {}

  @Get()
  @Needs('refunds:read')
  @Answers(200, pageOf(refundView), 'Refunds, newest first')
  async listRefunds(@CurrentCaller() caller: Caller, @Query({ schema: listQuery }) query: z.output<typeof listQuery>) {
    const filter = { tenantId: visibleTenant(caller), leaseId: query.leaseId };
    const rows = await this.reader.list(filter, query.limit, query.cursor);
    return page('refunds', rows, query.limit, timePosition, (row) => viewRefund(row, this.catalog));
  }

  @Get(':id')
  @Needs('refunds:read')
  @Answers(200, refundView, 'The refund')
  async getRefund(@CurrentCaller() caller: Caller, @Param('id', { schema: refundId }) id: string) {
    return viewRefund(await this.reader.require(visibleTenant(caller), id), this.catalog);
  }
}
