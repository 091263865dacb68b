/** Who an API key speaks for. */
export const ROLES = ['tenant', 'payee', 'operator'] as const;
export type Role = (typeof ROLES)[number];

/**
 * Every scope and the roles whose keys may carry it. Total: `@Needs` takes nothing else, and a route is open to exactly
 * these roles. An operator reads what tenants and payees read, and never acts in their name.
 */
export const SCOPES = {
  'keys:read': ['tenant', 'payee', 'operator'],
  'keys:write': ['tenant', 'payee', 'operator'],
  'assets:read': ['tenant', 'payee', 'operator'],
  'rates:read': ['tenant', 'payee', 'operator'],
  'quotes:read': ['tenant', 'operator'],
  'quotes:write': ['tenant'],
  'leases:read': ['tenant', 'operator'],
  'leases:write': ['tenant'],
  'deposits:read': ['tenant', 'operator'],
  'refunds:read': ['tenant', 'operator'],
  'payees:read': ['tenant', 'payee', 'operator'],
  'payees:write': ['tenant', 'payee'],
  'payouts:read': ['tenant', 'payee', 'operator'],
  'events:read': ['tenant', 'operator'],
  'swaps:read': ['operator'],
  'ledger:read': ['operator'],
  'wallets:read': ['operator'],
  'wallets:write': ['operator'],
  'markets:write': ['operator'],
  'jobs:read': ['operator'],
  'jobs:write': ['operator'],
} as const satisfies Record<string, readonly Role[]>;

export type Scope = keyof typeof SCOPES;

export const ALL_SCOPES = Object.keys(SCOPES) as Scope[];

/** The scopes a key of this role may carry. */
export const scopesOf = (role: Role): Scope[] =>
  ALL_SCOPES.filter((scope) => (SCOPES[scope] as readonly Role[]).includes(role));

export const isScope = (text: string): text is Scope => Object.hasOwn(SCOPES, text);
