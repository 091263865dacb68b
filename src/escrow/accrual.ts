import { minUnits } from '../money/money.ts';
import { PRICE_SCALE } from '../quotes/quote.ts';

/** A streaming line while it runs. Ticks are Akash heights or whole UTC seconds. */
export interface Run {
  /** Price in base units per tick × 10^18. */
  readonly priceNumerator: bigint;
  /** First tick of the run; nothing is owed at it. */
  readonly startedTick: bigint;
  /** Settled since `startedTick`. */
  readonly settledUnits: bigint;
  /** Escrow not yet settled. */
  readonly balanceUnits: bigint;
}

/** What the price alone makes owed from the start of the run to `tick`, whole base units. */
export function accruedUnits({ priceNumerator, startedTick }: Run, tick: bigint): bigint {
  return tick <= startedTick ? 0n : (priceNumerator * (tick - startedTick)) / PRICE_SCALE;
}

/**
 * What to settle at `tick`: the total accrued less what was settled before, never more than the escrow holds. The sum
 * over any sequence of settlements depends on the last tick alone.
 */
export function dueUnits(run: Run, tick: bigint): bigint {
  const due = accruedUnits(run, tick) - run.settledUnits;
  return due <= 0n ? 0n : minUnits(due, run.balanceUnits);
}

/** The last tick whose accrual the escrow covers in full. */
export function depletionTick({ priceNumerator, startedTick, settledUnits, balanceUnits }: Run): bigint {
  // The first tick at which one unit more than funded has accrued, less one.
  const funded = settledUnits + balanceUnits;
  return startedTick + (funded * PRICE_SCALE + PRICE_SCALE - 1n) / priceNumerator;
}

/** A lot as far as consumption goes. */
export interface OpenLot {
  readonly id: string;
  /** Credited and neither consumed nor withdrawn. */
  readonly leftUnits: bigint;
}

export interface LotTake {
  readonly lotId: string;
  readonly units: bigint;
}

/** Takes units from lots, first in first out. Throws if they hold less: lots and escrow always agree. */
export function takeFromLots(lots: readonly OpenLot[], units: bigint): LotTake[] {
  const takes: LotTake[] = [];
  let left = units;
  for (const { id, leftUnits } of lots) {
    if (left === 0n) break;
    const part = minUnits(left, leftUnits);
    if (part === 0n) continue;
    takes.push({ lotId: id, units: part });
    left -= part;
  }
  if (left > 0n) throw new Error(`lots hold ${left} units less than their escrow`);
  return takes;
}
