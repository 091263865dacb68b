import { z } from 'zod';
import { addressField, amountField, assetField, idField } from '../access/fields.ts';
import { parseDuration } from './duration.ts';
import { PER } from './quote-detail.ts';

const LINES_MAX = 16;
/** Longest term quoted: five years. */
const SECONDS_MAX = 157_788_000n;
const BLOCKS_MAX = 100_000_000;

const durationField = z
  .string()
  .refine(
    (text) => {
      const seconds = parseDuration(text);
      return seconds !== null && seconds > 0n && seconds <= SECONDS_MAX;
    },
    { error: 'an ISO 8601 duration in weeks, days, hours, minutes and seconds, above zero, at most five years' },
  )
  .meta({ description: 'ISO 8601 duration; no years or months, whose length varies', examples: ['P30D'] });

const lineRequest = z
  .strictObject({
    payee: z.strictObject({ address: addressField }).meta({
      description: 'Who is paid: an address on the chain of the asset; an Akash provider by its Akash address',
    }),
    asset: assetField.default('AKT').meta({ description: 'What the payee is paid in; AKT if absent' }),
    price: z
      .strictObject({
        amount: amountField,
        unit: z
          .union([z.literal('uakt'), assetField])
          .default('uakt')
          .meta({ description: 'What the amount is in: `uakt`, with up to 18 decimals, or whole units of an asset' }),
        per: z
          .enum(PER)
          .default('block')
          .meta({ description: 'Akash block, or time by the clock of block time; a month is 30.4375 days' }),
      })
      .meta({ description: 'Price of the line' }),
  })
  .meta({ id: 'QuoteLineRequest' });

/** `POST /v1/quotes`. */
export const quoteRequest = z
  .strictObject({
    payAsset: assetField.meta({ description: 'What the tenant pays in' }),
    fix: z.enum(['duration', 'pay']).meta({ description: 'What is given: how long it lasts, or what the tenant pays' }),
    duration: durationField.optional().meta({ description: 'With `fix: duration`: how long, or `blocks`' }),
    blocks: z
      .int()
      .min(1)
      .max(BLOCKS_MAX)
      .optional()
      .meta({ description: 'With `fix: duration`: Akash blocks, instead of `duration`' }),
    payAmount: amountField
      .optional()
      .meta({ description: 'With `fix: pay`: whole units of the pay asset, all costs included' }),
    leaseId: idField('lease').optional().meta({ description: 'A lease to top up; its own lines are quoted' }),
    lines: z.array(lineRequest).min(1).max(LINES_MAX).optional().meta({ description: 'Lines of a new lease' }),
    over: z
      .enum(['return', 'credit'])
      .default('return')
      .meta({ description: 'What becomes of money above the quoted amount' }),
    afterDepletion: z
      .enum(['resume', 'return'])
      .default('resume')
      .meta({ description: 'What becomes of money after the escrow ran dry' }),
    refund: z
      .enum(['market', 'inKind'])
      .default('market')
      .meta({ description: 'What becomes of unspent escrow at close' }),
    topUpRight: z.strictObject({ amount: amountField, duration: durationField }).optional().meta({
      description: 'A right to pay so much more at the locked rate, for at most 24 h; its price is paid up front',
    }),
  })
  .superRefine((body, context) => {
    const fault = (field: string, error: string) => context.addIssue({ code: 'custom', path: [field], message: error });
    const terms = [body.duration, body.blocks].filter((given) => given !== undefined).length;
    if (body.fix === 'duration' && terms !== 1)
      fault('duration', 'either `duration` or `blocks`, with `fix: duration`');
    if (body.fix === 'duration' && body.payAmount !== undefined)
      fault('payAmount', 'no `payAmount` with `fix: duration`');
    if (body.fix === 'pay' && body.payAmount === undefined) fault('payAmount', 'an amount, with `fix: pay`');
    if (body.fix === 'pay' && terms !== 0)
      fault(body.duration === undefined ? 'blocks' : 'duration', 'no term with `fix: pay`');
    if ((body.lines === undefined) === (body.leaseId === undefined)) fault('lines', 'either `lines` or `leaseId`');
  });

export type QuoteBody = z.output<typeof quoteRequest>;
export type LineBody = z.output<typeof lineRequest>;
