import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { z } from 'zod';
import { actingTenant, type Caller, visibleTenant } from '../access/caller.ts';
import { Answers, CurrentCaller, CurrentTx, Needs } from '../access/decorators.ts';
import { emptyBody, idField } from '../access/fields.ts';
import { page, pageOf, pageQuery } from '../access/page.ts';
import { AssetCatalog } from '../markets/catalog.ts';
import type { Tx } from '../platform/database.ts';
import { Refusal } from '../platform/refusal.ts';
import { Deposits } from './deposits.service.ts';
import { type DepositRecord, depositView, viewDeposit } from './view.ts';

const listQuery = z.strictObject({
  ...pageQuery.shape,
  leaseId: idField('lease').optional(),
  state: depositView.shape.state
    .optional()
    .meta({ description: 'Only deposits in this state; `unclaimed` is what nothing was done with' }),
});

const depositId = idField('deposit');

/** Money that arrived at our addresses. */
@Controller('v1/deposits')
export class DepositsController {
  constructor(
    private readonly deposits: Deposits,
    private readonly catalog: AssetCatalog,
  ) {}

  @Get()
  @Needs('deposits:read')
  @Answers(200, pageOf(depositView), 'Deposits, newest first')
  async listDeposits(@CurrentCaller() caller: Caller, @Query({ schema: listQuery }) query: z.output<typeof listQuery>) {
    const filter = { tenantId: visibleTenant(caller), leaseId: query.leaseId, state: query.state };
    const rows = await this.deposits.list(filter, query.limit, query.cursor);
    return page('deposits', rows, query.limit, positionOf, (row) => viewDeposit(row, this.catalog.all()));
  }

  @Get(':id')
  @Needs('deposits:read')
  @Answers(200, depositView, 'The deposit')
  async getDeposit(@CurrentCaller() caller: Caller, @Param('id', { schema: depositId }) id: string) {
    const row = await this.deposits.find(id, visibleTenant(caller));
    if (row === undefined) throw new Refusal('not_found', { field: 'id' });
    return viewDeposit(row, this.catalog.all());
  }

  @Post(':id/claim')
  @Needs('leases:write')
  @Answers(200, depositView, 'The deposit, on its way back to the refund address of its lease')
  async claimDeposit(
    @CurrentTx() tx: Tx,
    @CurrentCaller() caller: Caller,
    @Param('id', { schema: depositId }) id: string,
    @Body({ schema: emptyBody }) _body: z.output<typeof emptyBody>,
  ) {
    const tenantId = actingTenant(caller);
    await this.deposits.claim(tx, tenantId, id);
    const row = await this.deposits.find(id, tenantId, tx);
    if (row === undefined) throw new Error(`deposit ${id} is gone`);
    return viewDeposit(row, this.catalog.all());
  }
}

const positionOf = (row: DepositRecord): string => `${row.seen_at.getTime()} ${row.id}`;
