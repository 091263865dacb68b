import { createHash } from 'node:crypto';

/** A journal as its seal fixes it: every field in text as it stands in the rows, times in microseconds since 1970. */
export interface SealedJournal {
  readonly id: string;
  readonly keyHash: string;
  readonly kind: string;
  readonly cause: string;
  readonly priceEvidenceId: string | null;
  readonly ruleVersion: string | null;
  readonly effectiveAt: string;
  readonly postedAt: string;
  readonly transfers: readonly SealedTransfer[];
}

export interface SealedTransfer {
  readonly n: string;
  readonly from: { readonly kind: string; readonly ref: string; readonly shard: string };
  readonly asset: string;
  readonly to: { readonly kind: string; readonly ref: string; readonly shard: string };
  readonly units: string;
  readonly fromBalance: string;
  readonly toBalance: string;
  readonly placeHeight: string | null;
  readonly placeTx: string | null;
  readonly tenantId: string | null;
}

/** What the first seal follows. */
export const GENESIS = Buffer.alloc(32);

/** The hash that seals a journal after the one before: sha256(previous || canonical text). */
export function sealHash(previous: Uint8Array, journal: SealedJournal): Buffer {
  return createHash('sha256').update(previous).update(canonicalText(journal)).digest();
}

/**
 * The one text of a journal: each field as its length in UTF-8 bytes, a colon, itself and a comma; `-,` where it is
 * missing. So no two journals have the same text.
 */
export function canonicalText(journal: SealedJournal): string {
  const head = [
    ...[journal.id, journal.keyHash, journal.kind, journal.cause, journal.priceEvidenceId, journal.ruleVersion],
    ...[journal.effectiveAt, journal.postedAt],
  ];
  const moves = journal.transfers.flatMap(({ n, from, asset, to, ...transfer }) => [
    ...[n, from.kind, from.ref, asset, from.shard, to.kind, to.ref, to.shard],
    ...[transfer.units, transfer.fromBalance, transfer.toBalance],
    ...[transfer.placeHeight, transfer.placeTx, transfer.tenantId],
  ]);
  return [...head, ...moves].map(field).join('');
}

const field = (text: string | null): string => (text === null ? '-,' : `${Buffer.byteLength(text)}:${text},`);
