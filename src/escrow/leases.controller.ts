import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { z } from 'zod';
import { actingTenant, type Caller, visibleTenant } from '../access/caller.ts';
import { Answers, CurrentCaller, CurrentTx, Needs } from '../access/decorators.ts';
import { addressField, emptyBody, idField, textField } from '../access/fields.ts';
import { type PageQuery, page, pageOf, pageQuery } from '../access/page.ts';
import { Database, type Tx } from '../platform/database.ts';
import { LeaseReader } from './lease-reader.service.ts';
import { type LeaseView, leaseView } from './lease-views.ts';
import { Leases } from './leases.service.ts';

const createBody = z.strictObject({
  quoteId: idField('quote'),
  lease: z.strictObject({
    reference: textField(200).meta({ description: "The partner's own id of the lease; unique" }),
  }),
  refundAddress: addressField.meta({ description: 'Where money goes back in the asset paid; never changed later' }),
  lineRefundAddress: addressField
    .optional()
    .meta({ description: "Where unspent escrow goes in the line's asset; needed if the quote refunds in kind" }),
});

const lockBody = z.strictObject({
  quoteId: idField('quote'),
  refundAddress: addressField
    .optional()
    .meta({ description: 'Needed for the first lock in an asset of a further chain' }),
});

const leaseId = idField('lease');

/** Leases: their lock, lines, lots and deposits. */
@Controller('v1/leases')
export class LeasesController {
  constructor(
    private readonly leases: Leases,
    private readonly reader: LeaseReader,
    private readonly database: Database,
  ) {}

  @Post()
  @Needs('leases:write')
  @Answers(201, leaseView, 'The lease, with the address and amount to pay')
  async createLease(
    @CurrentTx() tx: Tx,
    @CurrentCaller() caller: Caller,
    @Body({ schema: createBody }) body: z.output<typeof createBody>,
  ) {
    const tenantId = actingTenant(caller);
    const id = await this.leases.create(tx, tenantId, {
      quoteId: body.quoteId,
      reference: body.lease.reference,
      refundAddress: body.refundAddress,
      lineRefundAddress: body.lineRefundAddress ?? null,
    });
    return this.reader.view(tx, id, tenantId);
  }

  @Get()
  @Needs('leases:read')
  @Answers(200, pageOf(leaseView), 'Leases, newest first')
  async listLeases(@CurrentCaller() caller: Caller, @Query({ schema: pageQuery }) query: PageQuery) {
    const rows = await this.reader.list(visibleTenant(caller), query.limit, query.cursor);
    return page('leases', rows, query.limit, positionOf, (view) => view);
  }

  @Get(':id')
  @Needs('leases:read')
  @Answers(200, leaseView, 'The lease')
  async getLease(@CurrentCaller() caller: Caller, @Param('id', { schema: leaseId }) id: string) {
    return this.database.transaction((tx) => this.reader.view(tx, id, visibleTenant(caller)));
  }

  @Post(':id/locks')
  @Needs('leases:write')
  @Answers(201, leaseView, 'The lease with its further lock')
  async addLock(
    @CurrentTx() tx: Tx,
    @CurrentCaller() caller: Caller,
    @Param('id', { schema: leaseId }) id: string,
    @Body({ schema: lockBody }) body: z.output<typeof lockBody>,
  ) {
    const tenantId = actingTenant(caller);
    await this.leases.addLock(tx, tenantId, id, body.quoteId, body.refundAddress ?? null);
    return this.reader.view(tx, id, tenantId);
  }

  @Post(':id/close')
  @Needs('leases:write')
  @Answers(200, leaseView, 'The lease, closed; what is unspent is refunded')
  async closeLease(
    @CurrentTx() tx: Tx,
    @CurrentCaller() caller: Caller,
    @Param('id', { schema: leaseId }) id: string,
    @Body({ schema: emptyBody }) _body: z.output<typeof emptyBody>,
  ) {
    const tenantId = actingTenant(caller);
    await this.leases.close(tx, tenantId, id);
    return this.reader.view(tx, id, tenantId);
  }
}

const positionOf = ({ createdAt, id }: LeaseView): string => `${Date.parse(createdAt)} ${id}`;
