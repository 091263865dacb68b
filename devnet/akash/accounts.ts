import type { State } from './state.ts';

/** An account as `x/auth` keeps it. */
export interface Account {
  readonly number: number;
  readonly sequence: number;
  /** Compressed secp256k1 key in base64; null until the account's first transaction. */
  readonly pubkey: string | null;
}

const NEXT_NUMBER = 'next-account-number';

export function account(state: State, address: string): Account | null {
  const text = state.get(`account/${address}`);
  return text === undefined ? null : JSON.parse(text);
}

export function saveAccount(state: State, address: string, value: Account): void {
  state.set(`account/${address}`, JSON.stringify(value));
}

/** The account of an address, made with the next free number if there is none: the SDK does so on first receipt. */
export function ensureAccount(state: State, address: string): Account {
  const known = account(state, address);
  if (known) return known;
  const number = Number(state.get(NEXT_NUMBER) ?? '0');
  const created: Account = { number, sequence: 0, pubkey: null };
  saveAccount(state, address, created);
  state.set(NEXT_NUMBER, String(number + 1));
  return created;
}
