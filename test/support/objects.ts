import type { TestApp, TestKey } from './app.ts';

/**
 * How a tenant gets an object of each path that takes an id and is open to tenants or payees. The walk over all routes
 * fails for a path that is missing here. Each gives the id of a new object that `owner` may read or change.
 */
export const OWNED: Readonly<Record<string, (service: TestApp, owner: TestKey) => Promise<string>>> = {
  '/v1/keys/{id}': createKey,
  '/v1/keys/{id}/rotate': createKey,
};

async function createKey(service: TestApp, owner: TestKey): Promise<string> {
  const body = { name: 'an object of its owner', scopes: ['keys:read'] };
  const created = await service.send('POST', '/v1/keys', { key: owner, body });
  return String(created.body['id']);
}
