/** A wallet of ours. Ids are fixed: the ledger's `external:<walletId>` and the signer's key file use them. */
export interface WalletDefinition {
  readonly id: string;
  readonly chain: string;
  readonly role: 'deposit' | 'hot';
  /** Path of its own first address; deposit wallets that are contracts name the wallet they are swept to. */
  readonly path: string;
}

/**
 * Every wallet, hot ones first. On Bitcoin one wallet takes deposits (`0/i`) and pays; its own first address is `1/0`,
 * so that no lease gets the address that operators send float to.
 */
export const WALLETS: readonly WalletDefinition[] = [
  { id: 'bitcoin-hot', chain: 'bitcoin', role: 'hot', path: '1/0' },
  { id: 'ethereum-hot', chain: 'ethereum', role: 'hot', path: '0/0' },
  { id: 'ethereum-deposit', chain: 'ethereum', role: 'deposit', path: '0/0' },
  { id: 'akash-hot', chain: 'akash', role: 'hot', path: '0/0' },
  { id: 'akash-deposit', chain: 'akash', role: 'deposit', path: '0/0' },
];

export const depositWallet = (chain: string): string =>
  (WALLETS.findLast((wallet) => wallet.chain === chain) ?? unknown(chain)).id;

export const hotWallet = (chain: string): string =>
  (WALLETS.find((wallet) => wallet.chain === chain) ?? unknown(chain)).id;

function unknown(chain: string): never {
  throw new Error(`no wallet on chain ${chain}`);
}
