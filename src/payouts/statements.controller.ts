import { Controller, Get, Param, Query, Req, Res } from '@nestjs/common';
import { ApiProduces } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { type Caller, visibleTenant } from '../access/caller.ts';
import { Answers, CurrentCaller, Needs } from '../access/decorators.ts';
import { idField, timestamp } from '../access/fields.ts';
import { Clock } from '../platform/clock.ts';
import { Refusal } from '../platform/refusal.ts';
import { csv } from './csv.ts';
import { STATEMENT_COLUMNS, statementView } from './lease-statement.ts';
import { PAYEE_COLUMNS, payeeStatementView } from './payee-statement.ts';
import { asCsv, formatField } from './statement-format.ts';
import { Statements } from './statements.service.ts';

const PERIOD_MS = 31 * 86_400_000;

const leaseQuery = z.strictObject({ format: formatField });
const payeeQuery = z.strictObject({
  format: formatField,
  from: timestamp.optional().meta({ description: 'Start of the period; 31 days before its end if absent' }),
  to: timestamp.optional().meta({ description: 'End of the period, itself outside; now if absent' }),
});

const leaseId = idField('lease');
const payeeId = idField('payee');

/** Receipts of tenants and statements of payees, in JSON or CSV. */
@Controller('v1')
export class StatementsController {
  constructor(
    private readonly statements: Statements,
    private readonly clock: Clock,
  ) {}

  @Get('leases/:id/statement')
  @Needs('leases:read')
  @ApiProduces('application/json', 'text/csv')
  @Answers(200, statementView, 'What was paid, what it cost, where it went')
  async leaseStatement(
    @CurrentCaller() caller: Caller,
    @Param('id', { schema: leaseId }) id: string,
    @Query({ schema: leaseQuery }) { format }: z.output<typeof leaseQuery>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const statement = await this.statements.ofLease(caller, visibleTenant(caller), id);
    if (!asCsv(request, reply, format, id)) return statement;
    return csv(
      STATEMENT_COLUMNS,
      statement.entries.map((entry) => STATEMENT_COLUMNS.map((name) => entry[name])),
    );
  }

  @Get('payees/:id/statement')
  @Needs('payees:read')
  @ApiProduces('application/json', 'text/csv')
  @Answers(200, payeeStatementView, 'What accrued and what was paid, by line')
  async payeeStatement(
    @CurrentCaller() caller: Caller,
    @Param('id', { schema: payeeId }) id: string,
    @Query({ schema: payeeQuery }) query: z.output<typeof payeeQuery>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const to = query.to === undefined ? await this.clock.now() : new Date(query.to);
    const from = query.from === undefined ? new Date(to.getTime() - PERIOD_MS) : new Date(query.from);
    if (from >= to) throw new Refusal('invalid_field', { field: 'from', expected: 'a time before `to`' });
    const statement = await this.statements.ofPayee(caller, id, { from, to });
    if (!asCsv(request, reply, query.format, id)) return statement;
    return csv(
      PAYEE_COLUMNS,
      statement.entries.map((entry) => PAYEE_COLUMNS.map((name) => entry[name])),
    );
  }
}
