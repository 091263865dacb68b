import type { AssetId } from '../money/asset.ts';
import { type AccountName, parseAccount } from './account.ts';

/** Where on a chain, or at a venue, money moved: block height (or the venue's own count) and transaction id. */
export interface PlaceEvidence {
  readonly height: number;
  readonly txId: string;
}

/** Units of one asset out of one account into another: balanced by itself. */
export interface Transfer {
  readonly from: AccountName;
  readonly to: AccountName;
  readonly asset: AssetId;
  /** Base units, more than 0. */
  readonly units: bigint;
  readonly place?: PlaceEvidence;
}

/** Transfers that happen together, for one reason. */
export interface Journal {
  /** Names the event for ever: a second journal with this key is not posted. */
  readonly key: string;
  /** What happened, e.g. `deposit.credited`. */
  readonly kind: string;
  /** Id of what it happened to. */
  readonly cause: string;
  /** When it took effect by the clock of the rules; the time of posting is the database's. */
  readonly effectiveAt: Date;
  /** Whose business it is; absent or null is the house's. */
  readonly tenantId?: string | null;
  readonly priceEvidenceId?: string | null;
  readonly ruleVersion?: string | null;
  /** In the order they happen: no account with a limit may be below zero after any of them. */
  readonly transfers: readonly Transfer[];
}

const UNITS_MAX = 10n ** 78n;

/** @throws Error naming the first thing wrong with a journal: a bug of its author, never input. */
export function checkJournal({ key, kind, cause, effectiveAt, transfers }: Journal): void {
  const wrong = (what: string) => new Error(`journal ${key}: ${what}`);
  if (key === '' || kind === '' || cause === '') throw wrong('key, kind and cause are needed');
  if (effectiveAt.toString() === 'Invalid Date') throw wrong('effectiveAt is not a time');
  if (transfers.length === 0) throw wrong('has no transfers');
  for (const { from, to, asset, units, place } of transfers) {
    parseAccount(from);
    parseAccount(to);
    if (from === to) throw wrong(`moves ${asset} from ${from} to itself`);
    if (asset === '') throw wrong('a transfer has no asset');
    if (units <= 0n || units >= UNITS_MAX) throw wrong(`moves ${units} ${asset}`);
    if (place !== undefined && (place.height % 1 !== 0 || place.height < 0 || place.txId === '')) {
      throw wrong(`has no such place as ${place.height} ${place.txId}`);
    }
  }
}
