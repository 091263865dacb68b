import { Body, Controller, Get, Param, Patch, Post, Query } from '@nestjs/common';
import { z } from 'zod';
import type { Caller } from '../access/caller.ts';
import { Answers, CurrentCaller, CurrentTx, Needs, ShownOnce } from '../access/decorators.ts';
import { idField } from '../access/fields.ts';
import { type PageQuery, page, pageOf, pageQuery, timePosition } from '../access/page.ts';
import { AssetCatalog } from '../markets/catalog.ts';
import { Database, type Tx } from '../platform/database.ts';
import { PayeeChanges } from './payee-changes.service.ts';
import { PayeeReader } from './payee-reader.service.ts';
import { changeBody, keyAnswer, keyBody, type PayeeRecord, payeeView, viewPayee } from './view.ts';

const payeeId = idField('payee');

/** Providers and other payees: where they are paid, how often, and their changes. */
@Controller('v1/payees')
export class PayeesController {
  constructor(
    private readonly database: Database,
    private readonly catalog: AssetCatalog,
    private readonly reader: PayeeReader,
    private readonly changes: PayeeChanges,
  ) {}

  @Get()
  @Needs('payees:read')
  @Answers(200, pageOf(payeeView), 'Payees, newest first')
  async listPayees(@CurrentCaller() caller: Caller, @Query({ schema: pageQuery }) query: PageQuery) {
    const rows = await this.reader.list(caller, query.limit, query.cursor);
    return page('payees', rows, query.limit, timePosition, (row) => this.view(row));
  }

  @Get(':id')
  @Needs('payees:read')
  @Answers(200, payeeView, 'The payee')
  async getPayee(@CurrentCaller() caller: Caller, @Param('id', { schema: payeeId }) id: string) {
    return this.view(await this.reader.require(caller, id));
  }

  @Patch(':id')
  @Needs('payees:write')
  @Answers(200, payeeView, 'The payee with its pending change; the same proof again changes nothing')
  async changePayee(
    @CurrentCaller() caller: Caller,
    @Param('id', { schema: payeeId }) id: string,
    @Body({ schema: changeBody }) { proof, ...wanted }: z.output<typeof changeBody>,
  ) {
    return this.database.transaction(async (tx) => {
      await this.changes.request(tx, caller, id, wanted, proof);
      return this.view(await this.reader.require(caller, id, tx));
    });
  }

  @Post(':id/keys')
  @Needs('payees:write')
  @ShownOnce('secret')
  @Answers(200, keyAnswer, 'The request for an API key; after the delay, with the same proof, the key')
  async requestPayeeKey(
    @CurrentTx() tx: Tx,
    @CurrentCaller() caller: Caller,
    @Param('id', { schema: payeeId }) id: string,
    @Body({ schema: keyBody }) { name, proof }: z.output<typeof keyBody>,
  ) {
    const key = await this.changes.requestKey(tx, caller, id, name, proof);
    const payee = this.view(await this.reader.require(caller, id, tx));
    return { payee, keyId: key?.keyId ?? null, secret: key?.secret ?? null };
  }

  private view(row: PayeeRecord) {
    return viewPayee(row, this.catalog.require(row.asset));
  }
}
