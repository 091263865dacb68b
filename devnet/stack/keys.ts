import { createHash } from 'node:crypto';
import * as secp256k1 from '@bitcoinerlab/secp256k1';
import { rawSecp256k1PubkeyToRawAddress } from '@cosmjs/amino';
import { toBech32 } from '@cosmjs/encoding';
import { BIP32Factory, type BIP32Interface } from 'bip32';
import { networks, payments } from 'bitcoinjs-lib';
import { computeAddress } from 'ethers';

/** The service's wallets on the local chains. The seeds are public and worthless, the same on every machine. */
export interface OperatorKeys {
  /** Wallet id → account secret, as `SIGNER_KEY_FILE` holds them. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly bitcoinXpub: string;
  readonly akashXpub: string;
  /** Where an operator sends float: the hot wallets' own addresses. */
  readonly float: { readonly bitcoin: string; readonly ethereum: string; readonly akash: string };
}

/** Derives the keys: m/84'/1'/0' on Bitcoin regtest, m/44'/118'/0' on Akash, one plain key on Ethereum. */
export function operatorKeys(): OperatorKeys {
  const bip32 = BIP32Factory(secp256k1);
  const bitcoin = bip32.fromSeed(seedOf('bitcoin'), networks.regtest).derivePath("m/84'/1'/0'");
  const akash = bip32.fromSeed(seedOf('akash')).derivePath("m/44'/118'/0'");
  const ethereum = `0x${seedOf('ethereum').toString('hex')}`;
  return {
    secrets: {
      'bitcoin-hot': bitcoin.toBase58(),
      'ethereum-hot': ethereum,
      'akash-hot': akash.toBase58(),
      'akash-deposit': akash.toBase58(),
    },
    bitcoinXpub: bitcoin.neutered().toBase58(),
    akashXpub: akash.neutered().toBase58(),
    float: {
      bitcoin: bitcoinAddress(bitcoin.derivePath('1/0')),
      ethereum: computeAddress(ethereum),
      akash: toBech32('akash', rawSecp256k1PubkeyToRawAddress(akash.derivePath('0/0').publicKey)),
    },
  };
}

const seedOf = (chain: string): Buffer => createHash('sha256').update(`lockstep operator on ${chain}`).digest();

function bitcoinAddress({ publicKey: pubkey }: BIP32Interface): string {
  const { address } = payments.p2wpkh({ pubkey, network: networks.regtest });
  if (address === undefined) throw new Error('the key has no address');
  return address;
}
