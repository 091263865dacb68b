import type { WatchList } from '../../chain.ts';
import { displayHash, txIdOf, walkBlock, walkTransaction } from './block.ts';

/** One output to a watched script. */
export interface MatchedOutput {
  readonly txId: string;
  readonly vout: number;
  readonly units: bigint;
  readonly address: string;
  readonly coinbase: boolean;
}

/** One output that an address could own. */
export interface KeyedOutput {
  readonly key: string;
  readonly vout: number;
  readonly units: bigint;
}

/** Longest script an address can stand for (a witness program of 40 bytes). */
const ADDRESS_SCRIPT_MAX = 42;
/** Shortest one: a witness program of 2 bytes. */
const ADDRESS_SCRIPT_MIN = 4;
const VERSION_AND_LOCK_TIME = 8;

/**
 * The outputs of a raw block that pay watched scripts. A key is the script's hex; a transaction's id is computed only
 * when one of its outputs matched, so the cost over reading the block is one look-up an output,
 * most of them in the list's filter.
 */
export function matchBlock(raw: Buffer, watched: WatchList): MatchedOutput[] {
  const found: MatchedOutput[] = [];
  let pending: KeyedOutput[] = [];
  walkBlock(raw, {
    output(vout, valueAt, start, end) {
      if (end - start > ADDRESS_SCRIPT_MAX || end - start < ADDRESS_SCRIPT_MIN) return;
      if (watched.mayHave?.(raw.readUInt32BE(end - 4)) === false) return;
      const key = raw.toString('hex', start, end);
      if (watched.has(key)) pending.push({ key, vout, units: raw.readBigUInt64LE(valueAt) });
    },
    transaction(tx, place) {
      if (pending.length === 0) return;
      const txId = displayHash(txIdOf(raw, tx));
      for (const { key, vout, units } of pending) {
        const address = watched.address(key);
        if (address !== undefined) found.push({ txId, vout, units, address, coinbase: place === 0 });
      }
      pending = [];
    },
  });
  return found;
}

/** A raw transaction: the outputs an address could own, the value of all outputs, and the weight (BIP-141). */
export function readTransaction(raw: Buffer): {
  readonly outputs: readonly KeyedOutput[];
  readonly outputUnits: bigint;
  readonly weight: number;
} {
  const outputs: KeyedOutput[] = [];
  let outputUnits = 0n;
  const { start, end, body, bodyEnd } = walkTransaction(raw, {
    output(vout, valueAt, scriptStart, scriptEnd) {
      const units = raw.readBigUInt64LE(valueAt);
      outputUnits += units;
      if (scriptEnd - scriptStart > ADDRESS_SCRIPT_MAX || scriptEnd - scriptStart < ADDRESS_SCRIPT_MIN) return;
      outputs.push({ key: raw.toString('hex', scriptStart, scriptEnd), vout, units });
    },
  });
  const stripped = bodyEnd - body + VERSION_AND_LOCK_TIME;
  return { outputs, outputUnits, weight: 3 * stripped + (end - start) };
}
