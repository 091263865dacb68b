import { randomBytes } from 'node:crypto';

/** Prefixes of public ids. */
export const ID_PREFIXES = {
  tenant: 'ten',
  key: 'key',
  operator: 'opr',
  quote: 'quo',
  lock: 'loc',
  lease: 'lea',
  line: 'lin',
  lot: 'lot',
  deposit: 'dep',
  address: 'adr',
  wallet: 'wal',
  payee: 'pay',
  payout: 'out',
  refund: 'ref',
  swap: 'swp',
  leg: 'leg',
  send: 'snd',
  attempt: 'att',
  evidence: 'evi',
  event: 'evt',
  request: 'req',
  change: 'chg',
  right: 'rgt',
  exposure: 'exp',
} as const;

export type IdKind = keyof typeof ID_PREFIXES;

const ID_BYTES = 16;
const POOL_IDS = 256;
let pool = Buffer.alloc(0);

/** A new opaque public id with 128 random bits: `quo_` and 22 base64url characters. */
export function newId(kind: IdKind): string {
  // One call for many ids: a call for each costs more than the rest of a busy request's bookkeeping.
  if (pool.length === 0) pool = randomBytes(ID_BYTES * POOL_IDS);
  const random = pool.toString('base64url', 0, ID_BYTES);
  pool = pool.subarray(ID_BYTES);
  return `${ID_PREFIXES[kind]}_${random}`;
}
