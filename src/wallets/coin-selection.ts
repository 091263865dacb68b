import type { Coin } from '../adapters/chain.ts';

export interface Selection {
  readonly coins: readonly Coin[];
  /** What remains after outputs and the estimated fee; change, or too little to be worth an output. */
  readonly remainder: bigint;
}

/**
 * Chooses coins for a payment of `target` units: the single smallest coin that covers it, else the largest first, which
 * keeps the transaction small. `feeFor(inputs)` is the fee with that many inputs and a change output. Null when all
 * coins together do not reach. Coins that cost more to spend than they hold are never chosen.
 */
export function selectCoins(
  coins: readonly Coin[],
  target: bigint,
  feeFor: (inputs: number) => bigint,
): Selection | null {
  const costOfInput = feeFor(2) - feeFor(1);
  const bySize = coins.filter(({ units }) => units > costOfInput).sort(largestFirst);
  const single = bySize.findLast(({ units }) => units >= target + feeFor(1));
  if (single !== undefined) return { coins: [single], remainder: single.units - target - feeFor(1) };
  const chosen: Coin[] = [];
  let sum = 0n;
  for (const coin of bySize) {
    chosen.push(coin);
    sum += coin.units;
    const remainder = sum - target - feeFor(chosen.length);
    if (remainder >= 0n) return { coins: chosen, remainder };
  }
  return null;
}

/** Ties go by outpoint, so that the same coins always give the same choice. */
function largestFirst(a: Coin, b: Coin): number {
  if (a.units !== b.units) return a.units > b.units ? -1 : 1;
  return outpoint(a) < outpoint(b) ? -1 : 1;
}

export const outpoint = ({ txId, vout }: Pick<Coin, 'txId' | 'vout'>): string => `${txId}:${vout}`;
