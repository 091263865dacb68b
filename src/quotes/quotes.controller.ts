import { Body, Controller, Get, Param, Post, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { actingTenant, type Caller, visibleTenant } from '../access/caller.ts';
import { Answers, CurrentCaller, Needs, OnceKeyOf, type OnceReply, StoresOwnAnswer } from '../access/decorators.ts';
import { idField } from '../access/fields.ts';
import { AssetCatalog } from '../markets/catalog.ts';
import { Quotes } from './quotes.service.ts';
import { type QuoteBody, quoteRequest } from './request.ts';
import { type QuoteView, quoteView, textOf, viewQuote } from './view.ts';

const JSON_TYPE = 'application/json; charset=utf-8';

@Controller('v1/quotes')
export class QuotesController {
  constructor(
    private readonly quotes: Quotes,
    private readonly catalog: AssetCatalog,
  ) {}

  /** A firm offer: every cost on its own line, the rate, the prices used, the rules, the expiry. */
  @Post()
  @Needs('quotes:write')
  @StoresOwnAnswer()
  @Answers(201, quoteView, 'A firm offer until it expires')
  async create(
    @CurrentCaller() caller: Caller,
    @OnceKeyOf() once: OnceReply,
    @Body({ schema: quoteRequest }) body: QuoteBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<string> {
    const { quote, replayed } = await this.quotes.create(actingTenant(caller), body, once.key);
    if (replayed) once.replayed();
    // As text: the busiest route's reply is written once, and not read through its schema again.
    void reply.header('Content-Type', JSON_TYPE);
    return textOf({ ...quote, state: 'open' }, this.catalog);
  }

  /** A quote as it was offered, and whether it was taken. */
  @Get(':id')
  @Needs('quotes:read')
  @Answers(200, quoteView)
  async get(
    @CurrentCaller() caller: Caller,
    @Param('id', { schema: idField('quote') }) id: string,
  ): Promise<QuoteView> {
    return viewQuote(await this.quotes.show(visibleTenant(caller), id), this.catalog);
  }
}
