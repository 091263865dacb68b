import { Refusal } from '../platform/refusal.ts';
import type { Scope } from './scopes.ts';

/** Whose key it is. */
export type KeyOwner =
  | { readonly role: 'tenant'; readonly tenantId: string }
  | { readonly role: 'payee'; readonly payeeId: string }
  | { readonly role: 'operator'; readonly operatorId: string };

/** Who sends a request, as its API key says. */
export type Caller = KeyOwner & {
  readonly keyId: string;
  readonly scopes: readonly Scope[];
  /** When the key itself ends; null if it does not. */
  readonly expiresAt: Date | null;
};

/** Id of the tenant, payee or operator. */
export function ownerId(owner: KeyOwner): string {
  switch (owner.role) {
    case 'tenant':
      return owner.tenantId;
    case 'payee':
      return owner.payeeId;
    case 'operator':
      return owner.operatorId;
  }
}

/** The tenant a request acts for. @throws Refusal `forbidden` for the keys of payees and operators. */
export function actingTenant(caller: Caller): string {
  if (caller.role !== 'tenant') throw new Refusal('forbidden', { expected: 'the API key of a tenant' });
  return caller.tenantId;
}

/**
 * The tenant whose objects a caller may see, for a query's WHERE: a tenant's own id, or undefined for an operator, who
 * sees all. @throws Refusal `forbidden` for payees, who see nothing that belongs to a tenant.
 */
export function visibleTenant(caller: Caller): string | undefined {
  if (caller.role === 'payee') throw new Refusal('forbidden', { expected: 'the API key of a tenant or an operator' });
  return caller.role === 'tenant' ? caller.tenantId : undefined;
}
