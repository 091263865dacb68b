import { z } from 'zod';
import { timestamp } from '../access/fields.ts';

const units = z
  .string()
  .regex(/^-?(0|[1-9]\d*)$/)
  .meta({ description: 'Base units of the asset beside it', examples: ['150000'] });

/** The newest seal. */
export const headView = z
  .strictObject({
    seq: z.string().meta({ description: 'Number of journals sealed' }),
    hash: z.string().length(64).meta({ description: 'SHA-256 over this journal and the seal before, hexadecimal' }),
    sealedAt: timestamp.nullable(),
  })
  .meta({ id: 'LedgerHead' });

export const accountView = z
  .strictObject({
    account: z.string(),
    asset: z.string(),
    role: z.enum(['place', 'customer', 'own']),
    units,
  })
  .meta({ id: 'LedgerAccount', description: 'An account in one asset with its balance' });

export const transferView = z
  .strictObject({
    journalId: z.string(),
    n: z.int(),
    from: z.string(),
    to: z.string(),
    asset: z.string(),
    units,
    fromBalance: units,
    toBalance: units,
    place: z.strictObject({ height: z.string(), txId: z.string() }).nullable(),
    tenantId: z.string().nullable(),
  })
  .meta({ id: 'LedgerTransfer', description: 'Units of one asset out of one account into another' });

export const journalView = z
  .strictObject({
    seq: z.string(),
    id: z.string(),
    hash: z.string(),
    kind: z.string(),
    cause: z.string(),
    priceEvidenceId: z.string().nullable(),
    ruleVersion: z.string().nullable(),
    effectiveAt: timestamp,
    postedAt: timestamp,
    transfers: z.array(transferView),
  })
  .meta({ id: 'LedgerJournal', description: 'Transfers that happened together, with the seal that fixes them' });
