import { z } from 'zod';
import {
  addressField,
  amountOrZeroField,
  moneyView,
  textField,
  timestamp,
  viewMoney,
  viewTime,
} from '../access/fields.ts';
import type { Asset } from '../money/asset.ts';

const INTERVAL_MAX_MS = 366 * 86_400_000;

const base64 = (what: string, example: string) =>
  z
    .string()
    .max(256)
    .regex(/^[A-Za-z0-9+/]+={0,2}$/, 'base64')
    .meta({ description: `${what}, base64`, examples: [example] });

export const proofField = z
  .strictObject({
    pubKey: base64('Public key of the address, secp256k1, 33 bytes', 'AvfV4GgHSRKrSgZfFwuCsWyqzXUGqe4wjKHEW5r3vHN3'),
    signature: base64('Signature over the ADR-36 document of the text', 'dGhpcyBpcyBub3QgYSBzaWduYXR1cmU='),
    nonce: z
      .string()
      .regex(/^[A-Za-z0-9_-]{16,64}$/, '16 to 64 characters of base64url')
      .meta({ description: 'New for each text that is signed', examples: ['AAAAAAAAAAAAAAAAAAAAAA'] }),
    expiresAt: timestamp.meta({ description: 'No later than an hour from now; signed as it stands here' }),
  })
  .meta({
    description:
      'ADR-36 signature by the key of the payee’s address over eight lines joined by a line feed: ' +
      '`Lockstep payee <id>`, `destination: …`, `intervalMs: …`, `minimum: …`, `apiKey: …`, `cancel: …`, `nonce: …`, ' +
      '`expiresAt: …`, with the values of the request, `-` for an absent one, `yes` for true',
  });

export const changeBody = z.strictObject({
  destination: addressField.optional().meta({ description: 'Where lines opened from then on are paid' }),
  intervalMs: z.int().min(1).max(INTERVAL_MAX_MS).optional().meta({ description: 'Time between payouts' }),
  minimum: amountOrZeroField.optional().meta({ description: 'Least payout, whole units of its asset' }),
  cancel: z.literal(true).optional().meta({ description: 'Cancels the pending change; stands alone' }),
  proof: proofField.optional().meta({ description: 'Needed unless the payee belongs to the calling tenant' }),
});

export const keyBody = z.strictObject({ name: textField(100), proof: proofField });

const changeView = z
  .strictObject({
    id: z.string(),
    destination: z.string().nullable(),
    intervalMs: z.int().nullable(),
    minimum: moneyView.nullable(),
    apiKey: z.boolean(),
    requestedAt: timestamp,
    effectiveAt: timestamp,
  })
  .meta({ id: 'PayeeChange', description: 'A change that waits; null where it changes nothing' });

export const payeeView = z
  .strictObject({
    id: z.string(),
    kind: z.enum(['provider', 'service']),
    chain: z.string(),
    asset: z.string(),
    address: z.string().meta({ description: 'What identifies it, and for a provider whose key proves ownership' }),
    destination: z.string().meta({ description: 'Where lines opened now are paid; older lines keep theirs' }),
    intervalMs: z.int(),
    minimum: moneyView,
    nextPayoutAt: timestamp,
    createdAt: timestamp,
    pendingChange: changeView.nullable(),
  })
  .meta({ id: 'Payee' });

export const keyAnswer = z
  .strictObject({
    payee: payeeView,
    keyId: z.string().nullable().meta({ description: 'Null until the delay is over' }),
    secret: z
      .string()
      .nullable()
      .meta({ description: 'The whole API key, shown in one reply only; null until the delay is over' }),
  })
  .meta({ id: 'PayeeKey' });

export interface PayeeRecord {
  readonly id: string;
  readonly kind: 'provider' | 'service';
  /** Null for a provider: it is global, known by its Akash address. */
  readonly tenantId: string | null;
  readonly chain: string;
  readonly asset: string;
  readonly address: string;
  readonly destination: string;
  readonly intervalMs: number;
  readonly minimumUnits: string;
  readonly createdAt: Date;
  readonly nextPayoutAt: Date;
  readonly change: ChangeRecord | null;
}

/** The pending change as PostgreSQL's JSON has it. */
export interface ChangeRecord {
  readonly id: string;
  readonly destination: string | null;
  readonly intervalMs: number | null;
  readonly minimumUnits: string | null;
  readonly apiKey: boolean;
  readonly requestedAt: string;
  readonly effectiveAt: string;
}

export function viewPayee(row: PayeeRecord, asset: Pick<Asset, 'id' | 'decimals'>): z.output<typeof payeeView> {
  const { id, kind, chain, address, destination, intervalMs, change } = row;
  return {
    ...{ id, kind, chain, asset: asset.id, address, destination, intervalMs },
    minimum: viewMoney(asset, BigInt(row.minimumUnits)),
    nextPayoutAt: viewTime(row.nextPayoutAt),
    createdAt: viewTime(row.createdAt),
    pendingChange: change === null ? null : viewChange(change, asset),
  };
}

const viewChange = (change: ChangeRecord, asset: Pick<Asset, 'id' | 'decimals'>): z.output<typeof changeView> => ({
  ...{ id: change.id, destination: change.destination, intervalMs: change.intervalMs, apiKey: change.apiKey },
  minimum: change.minimumUnits === null ? null : viewMoney(asset, BigInt(change.minimumUnits)),
  requestedAt: viewTime(new Date(change.requestedAt)),
  effectiveAt: viewTime(new Date(change.effectiveAt)),
});
