import type { AssetId } from '../money/asset.ts';

/**
 * The life of a swap.
 *
 * A swap is **planned** in the transaction that takes its whole input out of the desk. With its first order it is
 * **running**. While a leg is in doubt it is **held**: the operator is told, nothing more is ordered, and it goes on by
 * itself once there is evidence. It is **done** when its output is in the desk. It is **failed** when a leg was returned:
 * whatever the swap held by then is back in the desk, and the next look at the positions decides anew.
 */
export type SwapState = 'planned' | 'running' | 'held' | 'done' | 'failed';

/**
 * The life of a leg.
 *
 * A leg is **ready** when the one before it is done. One that needs an allowance first is **intent** until that is there.
 * When its order is stored and handed to `wallets/` it is **sent**: from here only evidence moves it. In a block it is
 * **seen**; when that block leaves the chain it is sent again. Past its deadline without a block, or when chain and venue
 * say different things, it is in **doubt**. With a final receipt it is **done**, or **partial** if part of its input was not taken. It is **returned** only with evidence
 * that it can no longer execute: never handed over, taken back before it was signed, or reverted for good. A fill from
 * the own float is one journal, ready to done.
 */
export type LegState = 'ready' | 'intent' | 'sent' | 'seen' | 'doubt' | 'done' | 'partial' | 'returned';

export type LegEvent =
  /** An allowance was asked for. */
  | 'allowed'
  /** The order is stored and handed over. */
  | 'placed'
  /** Filled by a journal. */
  | 'filled'
  /** In a block. */
  | 'included'
  /** In no block any more. */
  | 'lost'
  /** Past its deadline in no block, or the evidence contradicts itself. */
  | 'doubted'
  /** Executed for good. */
  | 'settled'
  | 'settledInPart'
  /** Cannot execute any more. */
  | 'refuted';

const ENDED = { settled: 'done', settledInPart: 'partial', refuted: 'returned' } as const;

const LEGS: Readonly<Record<LegState, Readonly<Partial<Record<LegEvent, LegState>>>>> = {
  ready: { allowed: 'intent', placed: 'sent', filled: 'done', refuted: 'returned' },
  intent: { allowed: 'intent', placed: 'sent', refuted: 'returned' },
  sent: { ...ENDED, included: 'seen', doubted: 'doubt' },
  seen: { ...ENDED, lost: 'sent', doubted: 'doubt' },
  doubt: { ...ENDED, included: 'seen' },
  done: {},
  partial: {},
  returned: {},
};

/** The state of a leg after an event, or undefined where it cannot happen: somebody else was faster. */
export const nextLeg = (state: LegState, event: LegEvent): LegState | undefined => LEGS[state][event];

/** The state of a swap from those of its legs. */
export function swapStateOf(legs: readonly LegState[]): SwapState {
  if (legs.includes('returned')) return 'failed';
  if (legs.includes('doubt')) return 'held';
  if (legs.every((state) => state === 'done' || state === 'partial')) return 'done';
  return legs.every((state) => state === 'ready') ? 'planned' : 'running';
}

interface LegAmounts {
  readonly state: LegState;
  readonly fromAsset: AssetId;
  readonly toAsset: AssetId;
  readonly inputUnits: bigint;
  readonly spentUnits: bigint | null;
  readonly outputUnits: bigint | null;
}

/** What a swap holds after what happened to its legs, by asset: it all goes to the desk when the swap ends. */
export function holdings(
  fromAsset: AssetId,
  inputUnits: bigint,
  legs: readonly LegAmounts[],
): ReadonlyMap<AssetId, bigint> {
  const held = new Map([[fromAsset, inputUnits]]);
  const change = (asset: AssetId, units: bigint) => held.set(asset, (held.get(asset) ?? 0n) + units);
  for (const leg of legs) {
    if (leg.spentUnits === null || leg.outputUnits === null) continue;
    change(leg.fromAsset, -leg.spentUnits);
    change(leg.toAsset, leg.outputUnits);
  }
  return new Map([...held].filter(([, units]) => units !== 0n));
}
