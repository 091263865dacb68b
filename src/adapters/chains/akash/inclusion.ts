import { fromHex } from '@cosmjs/encoding';
import { attribute, parseCoins, type TxResult } from './incoming.ts';
import { type AkashNode, unlessAnswered } from './node.ts';
import { anchorOf, FEE_DENOM, transactionId } from './transaction.ts';

/** A transaction in a block, past the checks that come before its messages: fee paid, sequence used. */
export interface Inclusion {
  readonly height: number;
  readonly result: TxResult;
  /** uakt. */
  readonly fee: bigint;
}

/** `absent`: in no block that the node has indexed. `void`: in a block, but refused there before anything happened. */
export type Search = Inclusion | 'absent' | 'void';

/**
 * The inclusion of a transaction that counts. The node's index keeps one inclusion of a hash, so where that one did
 * nothing, an earlier one of the same bytes is looked for.
 */
export async function findInclusion(node: AkashNode, txId: string): Promise<Search> {
  const hash = fromHex(txId);
  const found = await unlessAnswered('not found', () => node.comet.tx({ hash }));
  if (!found) return 'absent';
  const fee = feeOf(found.result);
  if (fee !== null) return { height: found.height, result: found.result, fee };
  const anchor = anchorOf(found.tx);
  const height = anchor && (await heightOfUse(node, anchor.signer, anchor.sequence));
  if (height === null) return 'void';
  const [{ block }, { results }] = await Promise.all([node.comet.block(height), node.comet.blockResults(height)]);
  const inclusions = block.txs.flatMap((tx, index): Inclusion[] => {
    const result = results[index];
    const paid = feeOf(result);
    return result && paid !== null && transactionId(tx) === txId ? [{ height, result, fee: paid }] : [];
  });
  return inclusions[0] ?? 'void';
}

/** Height of the block in which a signer's sequence was used, from past states of its account; null if it is free. */
async function heightOfUse(node: AkashNode, signer: string, sequence: bigint): Promise<number | null> {
  const usedAt = async (height: number) => ((await node.account(signer, height))?.sequence ?? 0n) > sequence;
  let [free, used] = [0, await node.height()];
  if (!(await usedAt(used))) return null;
  while (used - free > 1) {
    const middle = Math.floor((free + used) / 2);
    if (await usedAt(middle)) used = middle;
    else free = middle;
  }
  return used;
}

/** The fee a transaction paid in uakt; null if it was refused before its messages ran, and paid none. */
function feeOf(result: TxResult | undefined): bigint | null {
  const paid = result?.events.find((event) => event.type === 'tx' && attribute(event, 'fee') !== undefined);
  if (!paid) return null;
  const coin = parseCoins(attribute(paid, 'fee') ?? '').find(({ denom }) => denom === FEE_DENOM);
  return BigInt(coin?.amount ?? '0');
}
