import { z } from 'zod';
import type { Asset } from '../money/asset.ts';
import { AMOUNT_DIGITS_MAX, AMOUNT_GRAMMAR, formatUnits } from '../money/codec.ts';
import { ID_PREFIXES, type IdKind } from '../platform/id.ts';
import type { RefusalCode } from '../platform/refusal.ts';

/** Marks a check of a schema with the code its refusal carries; `invalid_field` without it. */
const refusedAs = (code: RefusalCode) => ({ refusal: code });

/** Id of an asset: `BTC`, `USDC.ethereum`. Whether it is known is the room's question. */
export const assetField = z
  .string()
  .regex(/^[A-Z0-9]{1,16}(\.[a-z0-9-]{1,32})?$/, 'an asset id such as BTC or USDC.ethereum')
  .meta({ description: 'Asset id, see GET /v1/assets', examples: ['BTC'] });

const isAmount = (text: string) => AMOUNT_GRAMMAR.test(text) && text.replace('.', '').length <= AMOUNT_DIGITS_MAX;

const decimalString = (accepts: (text: string) => boolean, expected: string) =>
  z
    .string()
    .refine(accepts, { error: expected, params: refusedAs('invalid_amount') })
    .meta({ description: expected, pattern: AMOUNT_GRAMMAR.source, examples: ['1.5'] });

/** A positive amount of whole units as a decimal string. Its decimals are checked where its asset is known. */
export const amountField = decimalString(
  (text) => isAmount(text) && /[1-9]/.test(text),
  'a positive decimal string such as "1.5", without sign, exponent or leading zero',
);

/** As `amountField`, zero included. */
export const amountOrZeroField = decimalString(
  isAmount,
  'a decimal string such as "0" or "1.5", without sign, exponent or leading zero',
);

/** A public id of one kind: `quo_` and 22 characters. */
export const idField = (kind: IdKind) =>
  z
    .string()
    .regex(new RegExp(`^${ID_PREFIXES[kind]}_[A-Za-z0-9_-]{22}$`), `an id that starts with ${ID_PREFIXES[kind]}_`)
    .meta({ description: `Id of a ${kind}`, examples: [`${ID_PREFIXES[kind]}_AAAAAAAAAAAAAAAAAAAAAA`] });

/** An address as text. Whether it is one of its chain's is the room's question. */
export const addressField = z
  .string()
  .regex(/^[!-~]{1,128}$/, 'an address of 1 to 128 characters without white space')
  .meta({
    description: 'An address on the chain of the asset',
    examples: ['akash15yk64u7zc9g9k2yr2wmzeva5qgwxps6ytfzgqy'],
  });

/** A name or reference of the caller's own: one line of 1 to `max` characters. */
export const textField = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .refine((text) => text.trim() === text && text.normalize('NFC') === text && !/\p{Cc}/u.test(text), {
      error: 'one line of text in Unicode NFC without white space at its ends',
    });

/** A time in RFC 3339, UTC, milliseconds at most. */
export const timestamp = z.iso
  .datetime({ error: 'a time in RFC 3339, UTC, such as 2026-01-31T12:00:00.000Z' })
  .refine((text) => !Number.isNaN(Date.parse(text)), { error: 'a time that exists' })
  .meta({ examples: ['2026-01-31T12:00:00.000Z'] });

/** A body that has no fields. */
export const emptyBody = z.strictObject({});

/** An amount with its asset, as every reply shows it. May be negative in balances. */
export const moneyView = z
  .strictObject({ asset: z.string(), amount: z.string().regex(/^-?(0|[1-9]\d*)(\.\d+)?$/) })
  .meta({ id: 'Money', description: 'An exact amount: decimal string of whole units, its asset beside it' });

/** Base units as a reply shows them. */
export const viewMoney = (asset: Pick<Asset, 'id' | 'decimals'>, units: bigint): z.output<typeof moneyView> => ({
  asset: asset.id,
  amount: formatUnits(units, asset.decimals),
});

/** A time as a reply shows it. */
export const viewTime = (at: Date): string => at.toISOString();

/** As `viewTime`, for times that may be missing. */
export const viewTimeOrNull = (at: Date | null): string | null => (at === null ? null : at.toISOString());
