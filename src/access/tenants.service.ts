import { Injectable } from '@nestjs/common';
import { Clock } from '../platform/clock.ts';
import type { Tx } from '../platform/database.ts';
import { newId } from '../platform/id.ts';
import { Refusal } from '../platform/refusal.ts';

/** Who may hold keys: tenants, who pay, and operators, who run the service. Payees come from the chain. */
@Injectable()
export class TenantsService {
  constructor(private readonly clock: Clock) {}

  /** @throws Refusal `duplicate` for a name that is taken. */
  async createTenant(tx: Tx, name: string): Promise<string> {
    if ((await tx.tenant.findUnique({ where: { name } })) !== null) throw new Refusal('duplicate', { field: 'name' });
    const { id } = await tx.tenant.create({ data: { id: newId('tenant'), name, createdAt: await this.clock.now(tx) } });
    return id;
  }

  /** @throws Refusal `duplicate` for a name that is taken. */
  async createOperator(tx: Tx, name: string): Promise<string> {
    if ((await tx.operator.findUnique({ where: { name } })) !== null) throw new Refusal('duplicate', { field: 'name' });
    const { id } = await tx.operator.create({
      data: { id: newId('operator'), name, createdAt: await this.clock.now(tx) },
    });
    return id;
  }

  /** @throws Refusal `not_found` if there is no such tenant. */
  async requireTenant(tx: Tx, id: string): Promise<void> {
    if ((await tx.tenant.findUnique({ where: { id } })) === null) throw new Refusal('not_found', { field: 'tenant' });
  }

  /** @throws Refusal `not_found` if there is no such operator. */
  async requireOperator(tx: Tx, id: string): Promise<void> {
    if ((await tx.operator.findUnique({ where: { id } })) === null) {
      throw new Refusal('not_found', { field: 'operator' });
    }
  }
}
