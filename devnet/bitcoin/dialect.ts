import { formatUnits } from '../../src/money/codec.ts';
import { scriptAddress } from './address.ts';
import type { BcoinBlock, BcoinEntry, BcoinMempoolEntry, BcoinOutput, BcoinTx, BcoinView } from './bcoin.ts';
import { reverseHex } from './bcoin.ts';

export type Json = Readonly<Record<string, unknown>>;

/** An amount as Core writes it: a JSON number with eight decimals, which no JavaScript number is certain to print. */
export function btc(units: number): unknown {
  const { rawJSON } = JSON as typeof JSON & { rawJSON(text: string): unknown };
  return rawJSON(formatUnits(BigInt(units), 8));
}

export function scriptJson(script: Buffer): Json {
  const address = scriptAddress(script);
  return { hex: script.toString('hex'), ...(address === undefined ? {} : { address }) };
}

function outputJson(output: BcoinOutput): Json {
  return { value: btc(output.value), scriptPubKey: scriptJson(output.script.toRaw()) };
}

/** A transaction as `getrawtransaction` and `getblock` show it; with the spent coins (verbosity 2) also its fee. */
export function txJson(tx: BcoinTx, view: BcoinView | null): Json {
  const spent = view && !tx.isCoinbase() ? tx.inputs.map(({ prevout }) => view.getOutput(prevout)) : [];
  const known = spent.length > 0 && spent.every((output) => output !== null);
  const inputUnits = spent.reduce((sum, output) => sum + (output?.value ?? 0), 0);
  const outputUnits = tx.outputs.reduce((sum, output) => sum + output.value, 0);
  return {
    txid: tx.txid(),
    version: tx.version,
    size: tx.getSize(),
    vsize: tx.getVirtualSize(),
    weight: tx.getWeight(),
    locktime: tx.locktime,
    vin: tx.inputs.map((input, index) => ({
      ...(tx.isCoinbase()
        ? { coinbase: input.script.toRaw().toString('hex') }
        : { txid: reverseHex(input.prevout.hash), vout: input.prevout.index }),
      ...(known ? { prevout: outputJson(spent[index] as BcoinOutput) } : {}),
      txinwitness: input.witness.items.map((item) => item.toString('hex')),
      sequence: input.sequence,
    })),
    vout: tx.outputs.map((output, n) => ({ n, ...outputJson(output) })),
    ...(known ? { fee: btc(inputUnits - outputUnits) } : {}),
    hex: tx.toRaw().toString('hex'),
  };
}

/** A header as `getblockheader` shows it. `confirmations` is -1 off the main chain. */
export function headerJson(entry: BcoinEntry, facts: { confirmations: number; mediantime: number }): Json {
  return {
    hash: entry.rhash(),
    confirmations: facts.confirmations,
    height: entry.height,
    version: entry.version,
    merkleroot: reverseHex(entry.merkleRoot),
    time: entry.time,
    mediantime: facts.mediantime,
    nonce: entry.nonce,
    bits: entry.bits.toString(16).padStart(8, '0'),
    chainwork: entry.chainwork.toString('hex', 64),
    previousblockhash: reverseHex(entry.prevBlock),
  };
}

/** A block at verbosity 1 (ids) or 2 (transactions with fees). */
export function blockJson(header: Json, block: BcoinBlock, view: BcoinView | null): Json {
  return {
    ...header,
    size: block.getSize(),
    weight: block.getWeight(),
    nTx: block.txs.length,
    tx: block.txs.map((tx) => (view ? txJson(tx, view) : tx.txid())),
  };
}

export function mempoolEntryJson(entry: BcoinMempoolEntry): Json {
  return {
    vsize: entry.tx.getVirtualSize(),
    weight: entry.tx.getWeight(),
    time: entry.time,
    height: entry.height,
    fees: { base: btc(entry.fee), modified: btc(entry.fee) },
    'bip125-replaceable': entry.tx.inputs.some(({ sequence }) => sequence < 0xfffffffe),
  };
}
