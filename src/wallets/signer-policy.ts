import { createHash } from 'node:crypto';
import type { AssetId } from '../money/asset.ts';
import type { ContractCall } from '../adapters/chain.ts';
import { type Payload, spent } from './send.ts';

/** Most the signer lets out of a wallet in one asset, base units. */
export interface Cap {
  readonly send: bigint;
  readonly hour: bigint;
}

/** What the hot wallet may call on one chain; addresses in lower case. */
export interface CallRules {
  /** Our deposit forwarder factory. */
  readonly factory: string | null;
  /** Contracts that may be allowed to take tokens: those of venues, in lower case. */
  readonly spenders: readonly string[];
  /** Whether a call is a venue's order that pays nobody but our wallet. */
  isVenueOrder(call: ContractCall): boolean;
  /** Pinned tokens by contract. */
  readonly tokens: ReadonlyMap<string, AssetId>;
}

/** First four bytes of keccak256 of the signature. https://docs.soliditylang.org/en/latest/abi-spec.html */
const SELECTORS = { sweep: '0xfaa89528', approve: '0x095ea7b3' } as const;

/** What a call may take out of the wallet beyond its native value, or the reason it is refused. */
export type CallCheck =
  | { readonly kind: 'allowed'; readonly takes: { readonly asset: AssetId; readonly units: bigint } | null }
  | { readonly kind: 'refused'; readonly reason: string };

/** Only a sweep of our factory, an allowance for a venue, or an order at a venue that pays us. */
export function checkCall(call: ContractCall, rules: CallRules): CallCheck {
  const { to, data, value } = call;
  const contract = to.toLowerCase();
  const selector = data.slice(0, 10).toLowerCase();
  if (contract === rules.factory && selector === SELECTORS.sweep && value === 0n)
    return { kind: 'allowed', takes: null };
  if (rules.isVenueOrder(call)) return { kind: 'allowed', takes: null };
  const asset = rules.tokens.get(contract);
  if (asset === undefined || selector !== SELECTORS.approve || value !== 0n || data.length !== 138)
    return { kind: 'refused', reason: `the call ${selector} to ${to} is not one of ours` };
  const spender = `0x${data.slice(34, 74).toLowerCase()}`;
  if (!rules.spenders.includes(spender))
    return { kind: 'refused', reason: `${spender} may not be allowed to take ${asset}` };
  return { kind: 'allowed', takes: { asset, units: BigInt(`0x${data.slice(74)}`) } };
}

/** Everything a transaction can cost the wallet, by asset: payments, native value, allowance and highest fee. */
export function outflow(
  payload: Payload,
  fee: { readonly asset: AssetId; readonly units: bigint },
  takes: { readonly asset: AssetId; readonly units: bigint } | null,
): Map<AssetId, bigint> {
  const sums = spent(payload, fee.asset);
  for (const { asset, units } of [fee, ...(takes === null ? [] : [takes])])
    sums.set(asset, (sums.get(asset) ?? 0n) + units);
  return sums;
}

/** Fingerprint of what a send does: equal for all its attempts, whatever fee they pay. */
export function intentOf({ outputs, call }: Payload): string {
  const parts = [
    ...outputs.map(({ address, asset, units }) => `${address} ${asset} ${units}`),
    ...(call === null ? [] : [`${call.to.toLowerCase()} ${call.data.toLowerCase()} ${call.value}`]),
  ];
  return createHash('sha256').update(parts.join('\n')).digest('hex');
}
