/** Whose money an account holds: at a place of ours, a customer's, or our own. */
export type AccountRole = 'place' | 'customer' | 'own';

interface AccountKind {
  readonly role: AccountRole;
  readonly mayGoNegative: boolean;
  /** Rows a busy account is spread over; its balance is their sum. One for kinds with a limit. */
  readonly shards: number;
}

const customer = { role: 'customer', mayGoNegative: false, shards: 1 } as const;
const own = { role: 'own', mayGoNegative: true, shards: 1 } as const;
const busy = { role: 'own', mayGoNegative: true, shards: 8 } as const;
const limited = { role: 'own', mayGoNegative: false, shards: 1 } as const;

/**
 * Every kind of account. The database has the same table as generated columns of `accounts`. Of `equity`, `equity:float`
 * may not go below zero.
 */
export const ACCOUNT_KINDS = {
  external: { role: 'place', mayGoNegative: true, shards: 1 },
  suspense: customer,
  escrow: customer,
  payable: customer,
  payout: customer,
  refund: customer,
  desk: busy,
  swap: limited,
  revenue: busy,
  recovery: busy,
  expense: busy,
  equity: own,
  rounding: limited,
  loss: own,
  reorg: own,
} as const satisfies Record<string, AccountKind>;

export type AccountKindName = keyof typeof ACCOUNT_KINDS;

/** `kind:ref`, e.g. `escrow:lin_…`, `external:bitcoin-hot`, `revenue:fee`. The asset stands beside it. */
export type AccountName = string;

export interface AccountParts {
  readonly kind: AccountKindName;
  readonly ref: string;
}

/** @throws Error unless the name is a known kind, a colon and a reference without white space. */
export function parseAccount(name: AccountName): AccountParts {
  const colon = name.indexOf(':');
  const kind = name.slice(0, colon);
  const ref = name.slice(colon + 1);
  if (!/^\S+$/.test(ref) || !isAccountKind(kind)) throw new Error(`${name} is not an account`);
  return { kind, ref };
}

export const isAccountKind = (text: string): text is AccountKindName => Object.hasOwn(ACCOUNT_KINDS, text);

/** Whether the balance of an account may be below zero. @throws Error for a name that is not an account. */
export function mayGoNegative(name: AccountName): boolean {
  return ACCOUNT_KINDS[parseAccount(name).kind].mayGoNegative && name !== 'equity:float';
}
