import { z } from 'zod';
import type { LegOrder, LegQuote, VenueFee } from '../adapters/venue.ts';

/** An order handed to `wallets/`, with the quote it came from: all that is needed to read its result later. */
export interface Placed {
  readonly order: Extract<LegOrder, { readonly kind: 'call' }>;
  readonly quote: LegQuote;
}

const units = z.string().regex(/^\d+$/).transform(BigInt);
const money = z.strictObject({ asset: z.string(), units });
const time = z.iso.datetime().transform((text) => new Date(text));
const fees = z.array(z.strictObject({ kind: z.enum(['venue', 'network', 'spread']), amount: money }));

const placedSchema = z.strictObject({
  order: z.strictObject({
    kind: z.literal('call'),
    call: z.strictObject({ to: z.string(), data: z.string(), value: units }),
    allowance: z.strictObject({ token: z.string(), spender: z.string(), units }).nullable(),
    minimumOutput: money,
    deadline: time,
  }),
  quote: z.strictObject({
    venue: z.string(),
    input: money,
    output: money,
    fees,
    impactBps: z.number(),
    expiresAt: time,
    settleMs: z.number(),
    detail: z.unknown(),
  }),
});

/** JSON with units as decimal strings. */
export const toJson = (value: unknown): string =>
  JSON.stringify(value, (_key, field: unknown) => (typeof field === 'bigint' ? field.toString() : field));

/** @throws Error for JSON that `toJson` of a `Placed` did not write. */
export const readPlaced = (json: unknown): Placed => placedSchema.parse(json);

/** @throws Error for JSON that `toJson` of fees did not write. */
export const readFees = (json: unknown): VenueFee[] => fees.parse(json);
