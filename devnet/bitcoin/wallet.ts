import { createHash } from 'node:crypto';
import * as secp256k1 from '@bitcoinerlab/secp256k1';
import { type BIP32Interface, BIP32Factory } from 'bip32';
import { Psbt, payments, networks } from 'bitcoinjs-lib';
import { addressScript } from './address.ts';
import type { Bcoin, BcoinCoin, BcoinNode, BcoinTx } from './bcoin.ts';
import { reverseHex } from './bcoin.ts';
import { RPC, RpcError } from './rpc-error.ts';

/** A coinbase may be spent after 100 blocks; a margin keeps such a payment valid through reorganisations. */
const COINBASE_MATURITY = 100 + 50;
const DUST = 294;
const RBF_SEQUENCE = 0xfffffffd;

export interface Payment {
  readonly address: string;
  readonly sats: number;
}

export interface PaymentOptions {
  /** Sat per virtual byte; 2, or well above the payment it conflicts with. */
  readonly feeRate?: number;
  /** Signals BIP-125; true unless told. */
  readonly replaceable?: boolean;
  /** Id of a payment from this wallet, confirmed or not, whose coins are spent again. */
  readonly conflictWith?: string;
}

interface Spend {
  readonly hash: string;
  readonly index: number;
  readonly value: number;
}

/** The development wallet: one key from a seed anybody can read here, which every mined block of this node pays. */
export class DevWallet {
  readonly address: string;
  readonly #key: BIP32Interface;
  readonly #script: Buffer;
  readonly #bcoin: Bcoin;
  readonly #node: BcoinNode;

  constructor(bcoin: Bcoin, node: BcoinNode) {
    const seed = createHash('sha256').update('lockstep development wallet').digest();
    this.#key = BIP32Factory(secp256k1).fromSeed(seed, networks.regtest).derivePath("m/84'/1'/0'/0/0");
    this.address = payments.p2wpkh({ pubkey: this.#key.publicKey, network: networks.regtest }).address ?? '';
    this.#script = addressScript(this.address);
    this.#bcoin = bcoin;
    this.#node = node;
  }

  /** Signed transaction that pays the outputs in order, change last. */
  async draft(outputs: readonly Payment[], options: PaymentOptions): Promise<BcoinTx> {
    const rival = options.conflictWith === undefined ? undefined : await this.#find(options.conflictWith);
    const feeRate = options.feeRate ?? (rival ? Math.ceil(await this.#feeRate(rival)) + 5 : 2);
    const scripts = outputs.map(({ address }) => addressScript(address));
    const paid = outputs.reduce((sum, { sats }) => sum + sats, 0);
    const feeOf = (inputs: number) =>
      Math.ceil(10.5 + 68 * inputs + 31 + scripts.reduce((sum, script) => sum + 9 + script.length, 0)) * feeRate;
    const spends = await this.#select(rival ? await this.#spends(rival) : [], (count) => paid + feeOf(count));
    const psbt = new Psbt({ network: networks.regtest });
    for (const spend of spends) {
      psbt.addInput({
        hash: reverseHex(spend.hash),
        index: spend.index,
        sequence: options.replaceable === false ? 0xfffffffe : RBF_SEQUENCE,
        witnessUtxo: { script: this.#script, value: BigInt(spend.value) },
      });
    }
    outputs.forEach(({ sats }, index) => {
      psbt.addOutput({ script: scripts[index] ?? Buffer.alloc(0), value: BigInt(sats) });
    });
    const change = spends.reduce((sum, { value }) => sum + value, 0) - paid - feeOf(spends.length);
    if (change >= DUST) psbt.addOutput({ script: this.#script, value: BigInt(change) });
    psbt.signAllInputs(this.#key).finalizeAllInputs();
    return this.#bcoin.TX.fromRaw(Buffer.from(psbt.extractTransaction(true).toBuffer()));
  }

  /**
   * The smallest single coin that is enough, several large ones where none is. Mined coins come first, so that one
   * payment does not hang on another; unconfirmed ones last.
   */
  async #select(fixed: readonly Spend[], needed: (inputs: number) => number): Promise<readonly Spend[]> {
    const worth = (spends: readonly Spend[]) => spends.reduce((sum, { value }) => sum + value, 0);
    if (fixed.length > 0 && worth(fixed) >= needed(fixed.length)) return fixed;
    const taken = new Set(fixed.map(({ hash, index }) => `${hash}:${index}`));
    const free = (await this.#coins()).filter(({ hash, index }) => !taken.has(`${hash}:${index}`));
    const confirmed = free
      .filter(({ height }) => height !== -1)
      .sort((a, b) => Number(b.coinbase) - Number(a.coinbase) || a.value - b.value);
    const enough = confirmed.find((coin) => worth([...fixed, coin]) >= needed(fixed.length + 1));
    if (enough) return [...fixed, enough];
    const picked: Spend[] = [...fixed];
    for (const coin of [...confirmed.reverse(), ...free.filter(({ height }) => height === -1)]) {
      picked.push(coin);
      if (worth(picked) >= needed(picked.length)) return picked;
    }
    throw new RpcError(RPC.misc, 'the development wallet has not enough mature coins');
  }

  /** Unspent coins of the wallet, in the mempool too; of coinbases only mature ones. */
  async #coins(): Promise<BcoinCoin[]> {
    const address = this.#bcoin.Address.fromScript(this.#bcoin.Script.fromRaw(this.#script));
    if (!address) throw new Error('the development wallet has no address');
    const next = this.#node.chain.height + 1;
    const coins = await this.#node.getCoinsByAddress(address);
    return coins.filter((coin) => !coin.coinbase || next - coin.height >= COINBASE_MATURITY);
  }

  async #find(txId: string): Promise<BcoinTx> {
    const hash = reverseHex(txId);
    const tx = this.#node.mempool.getEntry(hash)?.tx ?? (await this.#node.chain.getMeta(hash))?.tx;
    if (!tx) throw new RpcError(RPC.invalidAddressOrKey, 'No such mempool or blockchain transaction');
    return tx;
  }

  async #spends(tx: BcoinTx): Promise<Spend[]> {
    const spends: Spend[] = [];
    for (const { prevout } of tx.inputs) {
      const output = (await this.#find(reverseHex(prevout.hash))).outputs[prevout.index];
      if (!output?.script.toRaw().equals(this.#script)) throw new RpcError(RPC.misc, 'not a payment of this wallet');
      spends.push({ ...prevout, value: output.value });
    }
    return spends;
  }

  async #feeRate(tx: BcoinTx): Promise<number> {
    const inputUnits = (await this.#spends(tx)).reduce((sum, { value }) => sum + value, 0);
    return (inputUnits - tx.outputs.reduce((sum, { value }) => sum + value, 0)) / tx.getVirtualSize();
  }
}
