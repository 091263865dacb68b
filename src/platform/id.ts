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

/** A new opaque public id with 128 random bits: `quo_` and 22 base64url characters. */
export const newId = (kind: IdKind): string => `${ID_PREFIXES[kind]}_${randomBytes(16).toString('base64url')}`;
