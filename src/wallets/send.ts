import type { AssetId } from '../money/asset.ts';
import type { ContractCall, Output } from '../adapters/chain.ts';

/**
 * The life of a send.
 *
 * A send is **planned** in the transaction of whoever needs it. If its wallet has not enough released coins or float it
 * waits as **unfunded**. Once it gets its anchor (coins, nonce or sequence) and its first signed bytes, in one
 * transaction, it is **signed**; every later attempt spends the same anchor. When a node took the bytes it is
 * **broadcast**. If it does not confirm and its fee budget allows no further attempt, it is **stuck**: still offered to
 * the node and watched, and an alarm is raised. Seen in a block it is **included**; when that block leaves the chain it
 * is broadcast again. Final and good it is **confirmed**. It is **failed** only with evidence: included for good and
 * reverted, its anchor used for good by a transaction that is none of its attempts, or cancelled before it was signed.
 */
export type SendState = 'planned' | 'unfunded' | 'signed' | 'broadcast' | 'stuck' | 'included' | 'confirmed' | 'failed';

export type SendEvent =
  /** Not enough coins or float. */
  | 'short'
  /** Anchor reserved and signed bytes stored. */
  | 'stored'
  /** A node took the bytes of an attempt. */
  | 'handed'
  /** No further attempt fits the fee budget. */
  | 'exhausted'
  /** An attempt is in a block. */
  | 'seen'
  /** No attempt is in a block any more. */
  | 'lost'
  /** An attempt is final and did what it should. */
  | 'settled'
  /** An attempt is final and was reverted by the chain. */
  | 'reverted'
  /** A transaction that is not ours used the anchor, finally. */
  | 'refuted'
  | 'cancelled';

const UNSIGNED = { short: 'unfunded', stored: 'signed', cancelled: 'failed' } as const;
const ENDED = { seen: 'included', settled: 'confirmed', reverted: 'failed', refuted: 'failed' } as const;

const TABLE: Readonly<Record<SendState, Readonly<Partial<Record<SendEvent, SendState>>>>> = {
  planned: UNSIGNED,
  unfunded: UNSIGNED,
  signed: { ...ENDED, handed: 'broadcast', exhausted: 'stuck' },
  broadcast: { ...ENDED, handed: 'broadcast', exhausted: 'stuck' },
  stuck: { ...ENDED, handed: 'stuck', exhausted: 'stuck' },
  included: { seen: 'included', lost: 'broadcast', settled: 'confirmed', reverted: 'failed' },
  confirmed: {},
  failed: {},
};

/** The state after an event, or undefined where the event cannot happen: somebody else was faster, nothing is changed. */
export const next = (state: SendState, event: SendEvent): SendState | undefined => TABLE[state][event];

export type SendPurpose = 'payout' | 'refund' | 'sweep' | 'swap' | 'gas' | 'return';

/** What a send does: payments, or one contract call. */
export interface Payload {
  readonly outputs: readonly Output[];
  readonly call: ContractCall | null;
}

/** Sum of the outputs by asset; a call's native value counts as `feeAsset`. */
export function spent({ outputs, call }: Payload, feeAsset: AssetId): Map<AssetId, bigint> {
  const sums = new Map<AssetId, bigint>();
  const count = (asset: AssetId, units: bigint) => sums.set(asset, (sums.get(asset) ?? 0n) + units);
  for (const { asset, units } of outputs) count(asset, units);
  if (call !== null && call.value > 0n) count(feeAsset, call.value);
  return sums;
}
