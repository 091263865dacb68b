import { z } from 'zod';

/**
 * The rules for money that does not fit, fixed in the quote; no later call changes one. `over`: what is above the size is
 * sent back, or kept as credit for the tenant's next lock of this asset. `afterDepletion`: money for a lease that ran dry
 * before it came resumes the lease from then, or goes back. `refund`: unspent escrow is sold at the bid of the day less
 * cost, or sent in the line's own asset.
 */
export const termsSchema = z.strictObject({
  short: z.literal('proportion'),
  over: z.enum(['return', 'credit']),
  late: z.literal('currentRate'),
  afterDepletion: z.enum(['resume', 'return']),
  refund: z.enum(['market', 'inKind']),
});

export type Terms = z.output<typeof termsSchema>;

/** What of the terms the tenant chooses. */
export type ChosenTerms = Pick<Terms, 'over' | 'afterDepletion' | 'refund'>;

export const termsOf = ({ over, afterDepletion, refund }: ChosenTerms): Terms => ({
  short: 'proportion',
  over,
  late: 'currentRate',
  afterDepletion,
  refund,
});

/** A rule as the payer reads it before paying. */
export interface Rule {
  readonly when: 'short' | 'over' | 'late' | 'belowMinimum' | 'afterDepletion' | 'unspent' | 'costs';
  readonly rule: string;
  readonly words: string;
}

export interface RuleFacts {
  readonly payAsset: string;
  /** Least deposit that is credited, whole units of the pay asset. */
  readonly depositMinimum: string;
}

const OVER = {
  return:
    'What is above the quoted amount is never converted; it is sent back in the asset it came in, less the network fee.',
  credit:
    'What is above the quoted amount is never converted; it is kept as credit for the next rate lock of this lease.',
} as const;
const AFTER_DEPLETION = {
  resume:
    'If the escrow ran dry before the money came, it resumes from the time of its credit; time already passed is never bought.',
  return:
    'If the escrow ran dry before the money came, the money is sent back in the asset it came in, less the network fee.',
} as const;
const UNSPENT = {
  market:
    'At close, what is unspent is sold at the bid of that moment less cost, whichever way the price went, and sent to the refund address in the asset paid.',
  inKind:
    'At close, what is unspent is sent to the refund address in the asset the line is paid in, less the network fee.',
} as const;

/** Every rule of a quote, in words and as data. */
export function rulesOf(terms: Terms, { payAsset, depositMinimum }: RuleFacts): readonly Rule[] {
  return [
    {
      when: 'short',
      rule: terms.short,
      words:
        'Less than the quoted amount is credited in proportion, one-time lines first; the rest may follow at the locked rate until fundBy.',
    },
    { when: 'over', rule: terms.over, words: OVER[terms.over] },
    {
      when: 'late',
      rule: terms.late,
      words:
        'Money not seen by fundBy at the fee for six blocks, or not in a block by confirmBy, gets the rate at its credit while the lease is open; otherwise it is sent back in the asset it came in.',
    },
    {
      when: 'belowMinimum',
      rule: 'unclaimed',
      words: `Deposits below ${depositMinimum} ${payAsset}, and other assets, are not credited; they are listed and can be claimed.`,
    },
    { when: 'afterDepletion', rule: terms.afterDepletion, words: AFTER_DEPLETION[terms.afterDepletion] },
    { when: 'unspent', rule: terms.refund, words: UNSPENT[terms.refund] },
    {
      when: 'costs',
      rule: 'premiumKept',
      words:
        'The lock premium and the price of a right to top up are not refunded; the service fee is, in proportion to what is unspent.',
    },
  ];
}
