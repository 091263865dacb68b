import { ensureAccount } from './accounts.ts';
import { addCoins } from './bank.ts';
import type { State } from './state.ts';

export interface GenesisAccount {
  readonly address: string;
  readonly coins: readonly { readonly denom: string; readonly amount: string }[];
}

/** The chain's first state, written once into its data folder. */
export interface Genesis {
  readonly chainId: string;
  readonly time: string;
  readonly accounts: readonly GenesisAccount[];
}

/** A public, worthless phrase: its first Akash account (m/44'/118'/0'/0/0) holds the development chain's money. */
export const DEV_MNEMONIC = 'test test test test test test test test test test test junk';
export const DEV_ADDRESS = 'akash15yk64u7zc9g9k2yr2wmzeva5qgwxps6ytfzgqy';

export const DEFAULT_CHAIN_ID = 'lockstep-dev-1';

export const DEFAULT_ACCOUNTS: readonly GenesisAccount[] = [
  {
    address: DEV_ADDRESS,
    coins: [
      { denom: 'ibc/170C677610AC31DF0904FFE09CD3B5C657492170E7E52372E48756B71E56F2F1', amount: '1000000000000' },
      { denom: 'uact', amount: '1000000000000' },
      { denom: 'uakt', amount: '1000000000000000' },
    ],
  },
];

export function applyGenesis(state: State, { accounts }: Genesis): void {
  for (const { address, coins } of accounts) {
    ensureAccount(state, address);
    addCoins(state, address, coins);
  }
}
