import { type EvmNode, isMissingState } from './node.ts';

/**
 * The transaction that used a nonce, known to be used at `height`: the block is found by the account's nonce over
 * heights. Null when the node has forgotten the state that far back.
 */
export async function userOfNonce(
  node: EvmNode,
  signer: string,
  nonce: bigint,
  height: number,
): Promise<string | null> {
  try {
    const block = await node.fullBlock(await firstHeightPast(node, signer, nonce, height));
    const user = block?.transactions.find((tx) => tx.nonce === nonce && tx.from.toLowerCase() === signer.toLowerCase());
    return user?.hash ?? null;
  } catch (error) {
    if (isMissingState(error)) return null;
    throw error;
  }
}

/** The least height at which the account's nonce is past the given one, by doubling steps back and then halving. */
async function firstHeightPast(node: EvmNode, signer: string, nonce: bigint, height: number): Promise<number> {
  let past = height;
  let before = height;
  for (let step = 1; before === past && past > 0; step *= 2) {
    const probe = Math.max(past - step, 0);
    if ((await node.nonce(signer, probe)) > nonce) past = before = probe;
    else before = probe;
  }
  while (past - before > 1) {
    const middle = (past + before) >> 1;
    if ((await node.nonce(signer, middle)) > nonce) past = middle;
    else before = middle;
  }
  return past;
}
