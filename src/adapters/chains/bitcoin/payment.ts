import { Psbt } from 'bitcoinjs-lib';
import type { Coin, Output } from '../../chain.ts';
import { addressOf, scriptOf } from './address.ts';
import { type Account, type BitcoinNetwork, NETWORKS, parseAccountKey } from './network.ts';
import { dustLimit, virtualSize } from './size.ts';

/** Signals replaceability (BIP-125) and leaves lock time and relative locks off. */
const REPLACEABLE_SEQUENCE = 0xfffffffd;

export interface PaymentPlan {
  readonly coins: readonly Coin[];
  readonly change: { readonly address: string; readonly path: string };
  readonly outputs: readonly { readonly address: string; readonly units: bigint }[];
  /** Sat per virtual byte. */
  readonly feeRate: bigint;
}

/** What a PSBT does, read from its own bytes. */
export interface PaymentContent {
  readonly outputs: readonly { readonly address: string; readonly units: bigint }[];
  readonly change: { readonly address: string; readonly units: bigint; readonly path: string } | null;
  readonly feeUnits: bigint;
}

/** Payments of one account as PSBTs (BIP-174): all coins given, outputs in order, change last unless it is dust. */
export class Payments {
  private readonly account: Account;
  private readonly network: BitcoinNetwork;

  constructor(account: Account, network: BitcoinNetwork) {
    this.account = account;
    this.network = network;
  }

  /** The PSBT in base64. Throws when the coins do not cover outputs and fee, or an output is dust. */
  build({ coins, change, outputs, feeRate }: PaymentPlan): string {
    const psbt = new Psbt({ network: NETWORKS[this.network].params });
    for (const coin of coins) {
      const own = this.own(coin.path, coin.address);
      psbt.addInput({
        hash: coin.txId,
        index: coin.vout,
        sequence: REPLACEABLE_SEQUENCE,
        witnessUtxo: { script: own.script, value: coin.units },
        bip32Derivation: [this.derivation(coin.path, own.pubkey)],
      });
    }
    const scripts = outputs.map(({ address }) => scriptOf(address, this.network));
    outputs.forEach(({ address, units }, index) => {
      const script = scripts[index] ?? scriptOf(address, this.network);
      if (units < dustLimit(script)) throw new Error(`an output of ${units} sat to ${address} is dust`);
      psbt.addOutput({ script, value: units });
    });
    const own = this.own(change.path, change.address);
    const lengths = scripts.map(({ length }) => length);
    const spare = sum(coins) - sum(outputs) - feeRate * virtualSize(coins.length, lengths);
    if (spare < 0n) throw new Error(`the coins are ${-spare} sat short of outputs and fee`);
    const changeUnits =
      sum(coins) - sum(outputs) - feeRate * virtualSize(coins.length, [...lengths, own.script.length]);
    if (changeUnits >= dustLimit(own.script)) {
      const bip32Derivation = [this.derivation(change.path, own.pubkey)];
      psbt.addOutput({ script: own.script, value: changeUnits, bip32Derivation });
    }
    return psbt.toBase64();
  }

  /**
   * Reads a PSBT with nothing but the account's public key: what an output claims to be change must derive from it, and
   * so must every coin. Throws on anything else.
   */
  decode(body: string): PaymentContent {
    const psbt = Psbt.fromBase64(body, { network: NETWORKS[this.network].params });
    let inputUnits = 0n;
    for (const input of psbt.data.inputs) {
      const path = this.path(input.bip32Derivation?.[0]?.path);
      if (input.witnessUtxo === undefined) throw new Error('an input does not say what it spends');
      if (!Buffer.from(this.account.at(path).script).equals(input.witnessUtxo.script)) {
        throw new Error(`an input is not a coin of this account at ${path}`);
      }
      inputUnits += input.witnessUtxo.value;
    }
    const outputs: { address: string; units: bigint }[] = [];
    let change: PaymentContent['change'] = null;
    psbt.txOutputs.forEach(({ script, value }, index) => {
      const address = addressOf(script, this.network);
      const derivation = psbt.data.outputs[index]?.bip32Derivation?.[0];
      const path = derivation === undefined ? null : this.path(derivation.path);
      const own = path !== null && Buffer.from(this.account.at(path).script).equals(script);
      if (own && change !== null) throw new Error('a payment has one change output');
      if (own) change = { address, units: value, path };
      else outputs.push({ address, units: value });
    });
    const feeUnits = inputUnits - psbt.txOutputs.reduce((total, { value }) => total + value, 0n);
    if (feeUnits < 0n) throw new Error('the outputs are worth more than the coins');
    return { outputs, change, feeUnits };
  }

  /** Signs with the account's secret (xprv), deterministically (RFC 6979). Throws when it is another account's. */
  sign(body: string, secret: string): { txId: string; raw: string } {
    const account = parseAccountKey(secret, this.network);
    if (account.isNeutered() || !this.account.matches(account)) throw new Error('the key is not of this account');
    this.decode(body);
    const psbt = Psbt.fromBase64(body, { network: NETWORKS[this.network].params });
    psbt.data.inputs.forEach((input, index) => {
      psbt.signInput(index, account.derivePath(this.path(input.bip32Derivation?.[0]?.path)));
    });
    const signed = psbt.finalizeAllInputs().extractTransaction();
    return { txId: signed.getId(), raw: signed.toHex() };
  }

  private own(path: string, address: string): { readonly script: Uint8Array; readonly pubkey: Uint8Array } {
    const own = this.account.at(path);
    if (own.address !== address) throw new Error(`${address} is not this account's address at ${path}`);
    return own;
  }

  private derivation(path: string, pubkey: Uint8Array) {
    return { masterFingerprint: this.account.fingerprint, pubkey, path: `m/${path}` };
  }

  private path(text: string | undefined): string {
    if (text === undefined || !/^m\/[01]\/\d+$/.test(text)) throw new Error('a coin or change without its path');
    return text.slice(2);
  }
}

const sum = (parts: readonly Pick<Output, 'units'>[]): bigint => parts.reduce((total, { units }) => total + units, 0n);
