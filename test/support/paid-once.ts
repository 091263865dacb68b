import { expect } from 'vitest';
import { type OpenedLease, type Stack, uakt } from './stack.ts';

/** Each lease has its one payment, credited once, with what was quoted for it. */
export async function expectCreditedOnce(stack: Stack, leases: readonly OpenedLease[]): Promise<void> {
  for (const { quote, lease } of leases) {
    const { deposits, lots, lines } = await stack.lease(lease.id);
    expect(deposits).toMatchObject([{ state: 'credited', amount: quote.pay.amount }]);
    expect(lots.map(({ paid }) => paid)).toEqual([quote.pay]);
    // The payment is rounded up to a whole base unit, and what that buys beyond the quoted blocks is the tenant's.
    const extra = uakt(lines[0]?.credited.amount ?? '') - uakt(quote.lines[0]?.escrow.amount ?? '');
    expect(extra).toBeGreaterThanOrEqual(0n);
    expect(extra).toBeLessThan(uakt(lines[0]?.pricePerTick.amount ?? ''));
  }
}
