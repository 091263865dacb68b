import * as secp256k1 from '@bitcoinerlab/secp256k1';
import { type BIP32Interface, BIP32Factory } from 'bip32';
import { initEccLib, type Network, networks, payments } from 'bitcoinjs-lib';

initEccLib(secp256k1);
const bip32 = BIP32Factory(secp256k1);

export type BitcoinNetwork = 'mainnet' | 'testnet' | 'regtest';

/** What tells the networks apart. `chain` is the name `getblockchaininfo` answers. */
export const NETWORKS: Readonly<
  Record<BitcoinNetwork, { readonly params: Network; readonly chain: string; readonly genesis: string }>
> = {
  mainnet: {
    params: networks.bitcoin,
    chain: 'main',
    genesis: '000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f',
  },
  testnet: {
    params: networks.testnet,
    chain: 'test',
    genesis: '000000000933ea01ad0ee984209779baaec3ced90fa3f408719526f8d77f4943',
  },
  regtest: {
    params: networks.regtest,
    chain: 'regtest',
    genesis: '0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206',
  },
};

/** Version bytes of zpub/zprv and vpub/vprv. https://github.com/satoshilabs/slips/blob/master/slip-0132.md */
const SEGWIT_MAINNET = { public: 0x04b24746, private: 0x04b2430c };
const SEGWIT_TESTNET = { public: 0x045f1cf6, private: 0x045f18bc };

/** An account key in text form: xpub/xprv or tpub/tprv, or their SLIP-132 forms for native segwit. Throws on others. */
export function parseAccountKey(text: string, network: BitcoinNetwork): BIP32Interface {
  const { params } = NETWORKS[network];
  const segwit = { ...params, bip32: network === 'mainnet' ? SEGWIT_MAINNET : SEGWIT_TESTNET };
  const slip132 = text.startsWith('z') || text.startsWith('v');
  const key = bip32.fromBase58(text, slip132 ? segwit : params);
  if (key.depth !== 3) throw new Error('the account key must be derived at m/84h/coinh/accounth (BIP-84)');
  return key;
}

/** The BIP-84 scripts of one account. https://github.com/bitcoin/bips/blob/master/bip-0084.mediawiki */
export class Account {
  readonly fingerprint: Uint8Array;
  private readonly key: BIP32Interface;
  private readonly params: Network;

  constructor(accountXpub: string, network: BitcoinNetwork) {
    this.key = parseAccountKey(accountXpub, network).neutered();
    this.params = NETWORKS[network].params;
    this.fingerprint = this.key.fingerprint;
  }

  /** Native segwit address at a path below the account: `0/i` receives, `1/i` is change. */
  at(path: string): { readonly address: string; readonly script: Uint8Array; readonly pubkey: Uint8Array } {
    const pubkey = this.key.derivePath(path).publicKey;
    const { address, output } = payments.p2wpkh({ pubkey, network: this.params });
    if (address === undefined || output === undefined) throw new Error(`no key at ${path}`);
    return { address, script: output, pubkey };
  }

  /** Whether an account secret belongs to this account. */
  matches(secret: BIP32Interface): boolean {
    return (
      Buffer.from(secret.publicKey).equals(this.key.publicKey) &&
      Buffer.from(secret.chainCode).equals(this.key.chainCode)
    );
  }
}
