import { z } from 'zod';
import type { Anchor, AnchorOutcome } from '../adapters/chain.ts';

const units = z.codec(z.string(), z.bigint(), { decode: BigInt, encode: String });
const coin = z.object({ txId: z.string(), vout: z.number(), units, address: z.string(), path: z.string() });

/** An anchor as the database keeps it: JSON, integers as decimal strings. */
export const anchorJson = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('coins'),
    coins: z.array(coin),
    change: z.object({ address: z.string(), path: z.string() }),
  }),
  z.object({ kind: z.literal('nonce'), signer: z.string(), nonce: units }),
  z.object({ kind: z.literal('sequence'), signer: z.string(), sequence: units }),
]);

/**
 * True if the chain shows that none of a send's attempts can ever confirm: its anchor was used, finally, by a named
 * transaction that is none of them. A node that does not know our transactions proves nothing.
 */
export function refutes(
  outcome: AnchorOutcome,
  ownTxIds: readonly string[],
): outcome is AnchorOutcome & { txId: string } {
  if (outcome.kind !== 'used' || !outcome.final || outcome.txId === null) return false;
  const usedBy = outcome.txId.toLowerCase();
  return !ownTxIds.some((own) => own.toLowerCase() === usedBy);
}

/** Number of the slot an anchor uses; undefined for coins. */
export function slotOf(anchor: Anchor): bigint | undefined {
  if (anchor.kind === 'coins') return undefined;
  return anchor.kind === 'nonce' ? anchor.nonce : anchor.sequence;
}
