import type { Coin } from 'cosmjs-types/cosmos/base/v1beta1/coin.js';

/** An ABCI event as CometBFT's JSON shows it. */
export interface ChainEvent {
  readonly type: string;
  readonly attributes: readonly { readonly key: string; readonly value: string; readonly index: boolean }[];
}

export function event(type: string, attributes: Readonly<Record<string, string>>): ChainEvent {
  return { type, attributes: Object.entries(attributes).map(([key, value]) => ({ key, value, index: true })) };
}

/** Events of a message carry its index, those of fee and signature do not. */
export function withMessageIndex(events: readonly ChainEvent[], index: number): ChainEvent[] {
  const attribute = { key: 'msg_index', value: String(index), index: true };
  return events.map(({ type, attributes }) => ({ type, attributes: [...attributes, attribute] }));
}

/** `1uakt,2uact`, as the SDK prints coins. */
export const coinsText = (coins: readonly Coin[]): string => coins.map((coin) => coin.amount + coin.denom).join(',');
