import type { Bcoin, BcoinMempoolEntry, BcoinNode, BcoinTx } from './bcoin.ts';
import { RPC, RpcError } from './rpc-error.ts';

const COINBASE_MATURITY = 100;
const REPLACED_MAX = 100;
/** Sat per virtual byte: Core's long-time `minrelaytxfee` and `incrementalrelayfee`. */
const RELAY_FEE_RATE = 1;

/** What a transaction would do to the mempool. */
interface Admission {
  readonly tx: BcoinTx;
  readonly fee: number;
  /** Transactions it conflicts with, and everything that descends from them. */
  readonly evicted: ReadonlyMap<string, BcoinMempoolEntry>;
}

/**
 * Admission to the mempool by Bitcoin Core's rules and error codes, on top of bcoin's script checks. bcoin itself
 * answers a txid for a transaction it refused and knows no replacement. Replacement follows BIP-125 rules 2 to 5 for
 * every transaction, signalled or not, as Core does since 28.0.
 */
export class Relay {
  readonly #bcoin: Bcoin;
  readonly #node: BcoinNode;

  constructor(bcoin: Bcoin, node: BcoinNode) {
    this.#bcoin = bcoin;
    this.#node = node;
  }

  parse(hex: unknown): BcoinTx {
    try {
      if (typeof hex !== 'string' || !/^([0-9a-f]{2})+$/i.test(hex)) throw new Error('not hex');
      const tx = this.#bcoin.TX.fromRaw(Buffer.from(hex, 'hex'));
      if (tx.toRaw().toString('hex') !== hex.toLowerCase()) throw new Error('trailing bytes');
      return tx;
    } catch {
      throw new RpcError(RPC.deserialization, 'TX decode failed. Make sure the tx has at least one input.');
    }
  }

  /** Puts a transaction into the mempool, evicting what it replaces. Answers its id; known already is fine. */
  async send(tx: BcoinTx): Promise<string> {
    if (this.#node.mempool.getEntry(tx.hash('hex'))) return tx.txid();
    const { evicted } = await this.examine(tx);
    for (const entry of evicted.values()) {
      if (this.#node.mempool.getEntry(entry.tx.hash('hex'))) this.#node.mempool.evictEntry(entry);
    }
    try {
      const missing = await this.#node.mempool.addTX(tx);
      if (missing) throw new RpcError(RPC.verifyError, 'bad-txns-inputs-missingorspent');
    } catch (error) {
      throw asRejection(error);
    } finally {
      await this.store();
    }
    return tx.txid();
  }

  /** Writes the mempool to disk under the present tip; bcoin forgets one it finds under another tip. */
  async store(): Promise<void> {
    this.#node.mempool.cache.sync(this.#node.chain.tip.hash);
    await this.#node.mempool.cache.flush();
  }

  /** All checks of `send`, nothing changed. @throws RpcError with Core's code and reason. */
  async examine(tx: BcoinTx): Promise<Admission> {
    const hash = tx.hash('hex');
    if (this.#node.mempool.getEntry(hash)) throw new RpcError(RPC.alreadyInUtxoSet, 'txn-already-in-mempool');
    for (let index = 0; index < tx.outputs.length; index++) {
      if (await this.#node.chain.getCoin(hash, index)) {
        throw new RpcError(RPC.alreadyInUtxoSet, 'Transaction outputs already in utxo set');
      }
    }
    if (tx.isCoinbase()) reject('coinbase');
    const [valid, reason] = tx.checkSanity();
    if (!valid) reject(reason);
    const { inputUnits, conflicts } = await this.#inputs(tx);
    const outputUnits = tx.outputs.reduce((sum, output) => sum + output.value, 0);
    if (inputUnits < outputUnits) {
      reject(`bad-txns-in-belowout, value in (${inputUnits}) < value out (${outputUnits})`);
    }
    if (tx.outputs.some((output) => output.value < dustLimit(output.script.toRaw()))) reject('dust');
    const fee = inputUnits - outputUnits;
    const floor = tx.getVirtualSize() * RELAY_FEE_RATE;
    if (fee < floor) reject(`min relay fee not met, ${fee} < ${floor}`);
    const evicted = this.#replaced(tx, fee, conflicts);
    try {
      const view = await this.#node.mempool.getCoinView(tx);
      await this.#node.mempool.verify(this.#bcoin.MempoolEntry.fromTX(tx, view, this.#node.chain.height), view);
    } catch (error) {
      throw asRejection(error);
    }
    return { tx, fee, evicted };
  }

  async #inputs(tx: BcoinTx): Promise<{ inputUnits: number; conflicts: BcoinMempoolEntry[] }> {
    const { chain, mempool } = this.#node;
    const conflicts = new Map<string, BcoinMempoolEntry>();
    let inputUnits = 0;
    for (const { prevout } of tx.inputs) {
      const parent = mempool.getEntry(prevout.hash);
      const coin = parent ? null : await chain.getCoin(prevout.hash, prevout.index);
      const output = parent ? parent.tx.outputs[prevout.index] : coin;
      if (!output) throw new RpcError(RPC.verifyError, 'bad-txns-inputs-missingorspent');
      if (coin?.coinbase && chain.height + 1 - coin.height < COINBASE_MATURITY) {
        reject('bad-txns-premature-spend-of-coinbase');
      }
      inputUnits += output.value;
      const rival = mempool.getSpentTX(prevout.hash, prevout.index)?.hash('hex');
      const entry = rival === undefined ? undefined : mempool.getEntry(rival);
      if (rival !== undefined && entry) conflicts.set(rival, entry);
    }
    return { inputUnits, conflicts: [...conflicts.values()] };
  }

  /** BIP-125 rules 2 to 5. https://github.com/bitcoin/bips/blob/master/bip-0125.mediawiki */
  #replaced(tx: BcoinTx, fee: number, conflicts: readonly BcoinMempoolEntry[]): Map<string, BcoinMempoolEntry> {
    const evicted = new Map<string, BcoinMempoolEntry>();
    const size = tx.getVirtualSize();
    for (const entry of conflicts) this.#collect(entry, evicted);
    if (evicted.size > REPLACED_MAX) reject(`too many potential replacements, rejecting replacement ${tx.txid()}`);
    const known = new Set(conflicts.flatMap((entry) => entry.tx.inputs.map(({ prevout }) => prevout.hash)));
    for (const { prevout } of tx.inputs) {
      if (evicted.has(prevout.hash)) reject(`bad-txns-spends-conflicting-tx, ${tx.txid()}`);
      if (conflicts.length > 0 && this.#node.mempool.getEntry(prevout.hash) && !known.has(prevout.hash)) {
        reject(`replacement-adds-unconfirmed, replacement ${tx.txid()} adds unconfirmed input`);
      }
    }
    for (const entry of conflicts) {
      if (fee * entry.tx.getVirtualSize() <= entry.fee * size) {
        reject(`insufficient fee, rejecting replacement ${tx.txid()}; new feerate <= old feerate`);
      }
    }
    const replacedFees = [...evicted.values()].reduce((sum, entry) => sum + entry.fee, 0);
    if (conflicts.length > 0 && fee < replacedFees + size * RELAY_FEE_RATE) {
      reject(`insufficient fee, rejecting replacement ${tx.txid()}, not enough additional fees to relay`);
    }
    return evicted;
  }

  #collect(entry: BcoinMempoolEntry, into: Map<string, BcoinMempoolEntry>): void {
    const hash = entry.tx.hash('hex');
    if (into.has(hash)) return;
    into.set(hash, entry);
    for (let index = 0; index < entry.tx.outputs.length; index++) {
      const child = this.#node.mempool.getSpentTX(hash, index)?.hash('hex');
      const childEntry = child === undefined ? undefined : this.#node.mempool.getEntry(child);
      if (childEntry) this.#collect(childEntry, into);
    }
  }
}

/** Least value Core relays for a script: three times what spending it costs at 1 sat/vB (policy.cpp, GetDustThreshold). */
function dustLimit(script: Buffer): number {
  if (script[0] === 0x6a) return 0;
  const witness = script.length >= 4 && script.length <= 42 && script[1] === script.length - 2;
  const isProgram = witness && (script[0] === 0 || ((script[0] ?? 0) >= 0x51 && (script[0] ?? 0) <= 0x60));
  return 3 * (8 + 1 + script.length + (isProgram ? 67 : 148));
}

function reject(reason: string): never {
  throw new RpcError(RPC.verifyRejected, reason);
}

/** bcoin's verification error in Core's terms; anything else is a fault of the node and stays as it is. */
function asRejection(error: unknown): unknown {
  if (!(error instanceof Error) || !('type' in error) || error.type !== 'VerifyError') return error;
  const reason = 'reason' in error ? String(error.reason) : error.message;
  const missing = reason === 'bad-txns-inputs-missingorspent';
  return new RpcError(missing ? RPC.verifyError : RPC.verifyRejected, reason);
}
