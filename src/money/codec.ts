import { type Ratio, ratio } from './rate.ts';

/** The grammar of every amount in JSON: plain decimal digits, no sign, no exponent, no leading zero. */
export const AMOUNT_GRAMMAR = /^(0|[1-9]\d*)(\.\d+)?$/;

/** Longest amount accepted, in digits: the width of `numeric(78,0)`. */
export const AMOUNT_DIGITS_MAX = 78;

export type AmountFault = 'grammar' | 'decimals' | 'digits';

/** Base units of a decimal string, or the reason it is refused. Never rounds. */
export function parseUnits(text: string, decimals: number): bigint | AmountFault {
  if (!AMOUNT_GRAMMAR.test(text)) return 'grammar';
  const [whole = '', fraction = ''] = text.split('.');
  if (fraction.length > decimals) return 'decimals';
  const digits = whole + fraction.padEnd(decimals, '0');
  return digits.replace(/^0+/, '').length > AMOUNT_DIGITS_MAX ? 'digits' : BigInt(digits);
}

/** Decimal string of base units, all decimals of the asset shown (`formatUnits(1n, 8)` is `0.00000001`). */
export function formatUnits(units: bigint, decimals: number): string {
  const sign = units < 0n ? '-' : '';
  const digits = (units < 0n ? -units : units).toString().padStart(decimals + 1, '0');
  const split = digits.length - decimals;
  return decimals === 0 ? sign + digits : `${sign}${digits.slice(0, split)}.${digits.slice(split)}`;
}

/** The exact ratio of a positive decimal string (`"0.25"` is 1/4), or the reason it is refused. */
export function parseRatio(text: string): Ratio | AmountFault | 'zero' {
  if (!AMOUNT_GRAMMAR.test(text)) return 'grammar';
  const [whole = '', fraction = ''] = text.split('.');
  if (whole.length + fraction.length > AMOUNT_DIGITS_MAX) return 'digits';
  const num = BigInt(whole + fraction);
  return num === 0n ? 'zero' : ratio(num, 10n ** BigInt(fraction.length));
}

/** A ratio as a readable decimal, cut (not rounded) after `places` digits. For display only. */
export function formatRatio({ num, den }: Ratio, places: number): string {
  return formatUnits((num * 10n ** BigInt(places)) / den, places);
}
