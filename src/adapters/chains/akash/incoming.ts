import { MsgMultiSend, MsgSend } from 'cosmjs-types/cosmos/bank/v1beta1/tx.js';
import { TxBody, TxRaw } from 'cosmjs-types/cosmos/tx/v1beta1/tx.js';
import type { Asset } from '../../../money/asset.ts';
import type { IncomingTransfer, WatchList } from '../../chain.ts';
import { transactionId } from './transaction.ts';

/** An event as CometBFT's client decodes it. */
export interface TxEvent {
  readonly type: string;
  readonly attributes: readonly { readonly key: string; readonly value: string }[];
}

/** The part of a transaction's result that says what happened. */
export interface TxResult {
  readonly code: number;
  readonly log?: string | undefined;
  readonly events: readonly TxEvent[];
}

interface Receipt {
  readonly place: string;
  readonly address: string;
  readonly coins: readonly { readonly denom: string; readonly amount: string }[];
}

/**
 * Money a transaction brought to watched addresses; none if it failed. Places: `msg:0` for a send, `msg:0/out:2` for an
 * output of a multi-send, `msg:0/transfer:1` for what another message moved (authz, IBC, a contract), with
 * `/coin:1` behind it where several coins came together.
 */
export function incomingTransfers(
  bytes: Uint8Array,
  result: TxResult,
  watched: WatchList,
  assets: readonly Asset[],
): IncomingTransfer[] {
  if (result.code !== 0) return [];
  const { messages, memo } = TxBody.decode(TxRaw.decode(bytes).bodyBytes);
  const receipts = messages.flatMap(({ typeUrl, value }, index): Receipt[] => {
    const place = `msg:${index}`;
    if (typeUrl === MsgSend.typeUrl) {
      const { toAddress, amount } = MsgSend.decode(value);
      return [{ place, address: toAddress, coins: amount }];
    }
    if (typeUrl === MsgMultiSend.typeUrl) {
      const { outputs } = MsgMultiSend.decode(value);
      return outputs.map(({ address, coins }, output) => ({ place: `${place}/out:${output}`, address, coins }));
    }
    return transferEvents(result.events, index);
  });
  const context = { txId: transactionId(bytes), memo: memo === '' ? null : memo, watched, assets };
  return receipts.flatMap((receipt) => transfersOf(receipt, context));
}

interface Context {
  readonly txId: string;
  readonly memo: string | null;
  readonly watched: WatchList;
  readonly assets: readonly Asset[];
}

function transfersOf({ place, address, coins }: Receipt, { txId, memo, watched, assets }: Context): IncomingTransfer[] {
  // The chain takes bech32 in upper case too.
  const key = address.toLowerCase();
  if (!watched.has(key)) return [];
  return coins.map(({ denom, amount }, index) => ({
    txId,
    place: coins.length === 1 ? place : `${place}/coin:${index}`,
    address: watched.address(key) ?? key,
    asset: assets.find((asset) => asset.reference === denom)?.id ?? null,
    reference: denom,
    units: BigInt(amount),
    feeRate: null,
    spendable: true,
    memo,
  }));
}

function transferEvents(events: readonly TxEvent[], message: number): Receipt[] {
  const ofMessage = events.filter(
    (event) => event.type === 'transfer' && attribute(event, 'msg_index') === `${message}`,
  );
  return ofMessage.map((event, index) => ({
    place: `msg:${message}/transfer:${index}`,
    address: attribute(event, 'recipient') ?? '',
    coins: parseCoins(attribute(event, 'amount') ?? ''),
  }));
}

/** Coins as events print them: `1uakt,2ibc/ABC`. */
export function parseCoins(text: string): { readonly denom: string; readonly amount: string }[] {
  return text.split(',').flatMap((part) => {
    const [, amount, denom] = /^(\d+)([a-zA-Z][\w/:.-]*)$/.exec(part) ?? [];
    return amount && denom ? [{ denom, amount }] : [];
  });
}

export const attribute = (event: TxEvent, key: string): string | undefined =>
  event.attributes.find((item) => item.key === key)?.value;
