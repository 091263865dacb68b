import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Chain } from '../../src/adapters/chain.ts';
import { Chains } from '../../src/adapters/chains/index.ts';
import { Ledger } from '../../src/ledger/ledger.service.ts';
import { Config } from '../../src/platform/config.ts';
import { Database } from '../../src/platform/database.ts';
import { createLogger } from '../../src/platform/logging.ts';
import { Outbox } from '../../src/platform/outbox.ts';
import { Anchors } from '../../src/wallets/anchors.service.ts';
import { FileSigner } from '../../src/wallets/file-signer.service.ts';
import { SendRows } from '../../src/wallets/send-rows.service.ts';
import { Settling } from '../../src/wallets/settling.service.ts';
import { Signing } from '../../src/wallets/signing.service.ts';
import { Sweeping } from '../../src/wallets/sweeping.service.ts';
import { Tracking } from '../../src/wallets/tracking.service.ts';
import { type SendPlan, Wallets } from '../../src/wallets/wallets.service.ts';

/** The room that sends, as one process of the service has it. */
export interface Sender {
  readonly database: Database;
  readonly wallets: Wallets;
  readonly signing: Signing;
  readonly tracking: Tracking;
  readonly sweeping: Sweeping;
  readonly signer: FileSigner;
  readonly chains: Chains;
  readonly ledger: Ledger;
  /** Plans a send whose destinations are allowed and whose money is put aside first. */
  plan(plan: SendPlan): Promise<string>;
  /** Rounds until one moves nothing. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

export interface SenderOptions {
  readonly appUrl: string;
  readonly keyFile: string;
  readonly chains: readonly Chain[] | ((config: Config) => readonly Chain[]);
  readonly settings?: Readonly<Record<string, string>>;
  /** USD price of one whole unit, by asset. */
  readonly usd?: Readonly<Record<string, bigint>>;
}

export async function startSender({
  appUrl,
  keyFile,
  chains: given,
  settings = {},
  usd = {},
}: SenderOptions): Promise<Sender> {
  const config = Config.parse({
    NODE_ENV: 'test',
    LOG_LEVEL: 'silent',
    DATABASE_URL: appUrl,
    CLOCK: 'database',
    SIGNER_KEY_FILE: keyFile,
    ...settings,
  });
  const logger = createLogger(config.settings.LOG_LEVEL, 'test');
  const database = new Database(config);
  const outbox = new Outbox();
  const chains = new Chains(typeof given === 'function' ? given(config) : given);
  const rows = new SendRows();
  const anchors = new Anchors();
  const signer = new FileSigner(config, database, chains, logger);
  const signing = new Signing(config, database, chains, rows, anchors, signer, outbox, logger);
  const ledger = new Ledger(database);
  const settling = new Settling(database, chains, rows, anchors, ledger, outbox);
  const tracking = new Tracking(database, chains, rows, signing, settling, logger);
  const wallets = new Wallets(database, chains, rows, outbox, signing, tracking);
  const price = (asset: string) => {
    const mid = { num: usd[asset] ?? 1n, den: 1n };
    return {
      asset,
      mid,
      bid: mid,
      ask: mid,
      uncertaintyBps: 0,
      oldestObservedAt: new Date(0),
      at: new Date(0),
      used: [],
      evidenceId: '',
      inputs: [],
      dropped: [],
    };
  };
  const sweeping = new Sweeping(database, chains, wallets, { price }, logger);
  await wallets.onModuleInit();
  return {
    database,
    wallets,
    signing,
    tracking,
    sweeping,
    signer,
    chains,
    ledger,
    plan: (plan) =>
      database.transaction(async (tx) => {
        const chain = plan.walletId.split('-')[0] ?? '';
        for (const { address } of plan.outputs)
          await wallets.allow(tx, { chain, address, why: 'payout', activeFrom: new Date(0) });
        const transfers = plan.settlement.map((transfer) => ({ ...transfer, from: 'desk:main', to: transfer.from }));
        const { purpose, cause } = plan;
        const key = `test.funded:${purpose}:${cause}`;
        if (transfers.length > 0)
          await ledger.post(tx, [{ key, kind: 'test.funded', cause, effectiveAt: new Date(0), transfers }]);
        return wallets.plan(tx, plan);
      }),
    async settle() {
      for (let round = 0; (await wallets.advance()) > 0; round += 1) if (round > 200) throw new Error('never settles');
    },
    close: () => database.onApplicationShutdown(),
  };
}

/** A key file of a test, and what removes it. */
export function writeKeyFile(keys: Readonly<Record<string, unknown>>): { readonly path: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-keys-'));
  const path = join(folder, 'keys.json');
  writeFileSync(path, JSON.stringify(keys), { mode: 0o600 });
  return { path, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** A plan of one payment out of a wallet, its money already in `payout:<cause>`. */
export function payment(walletId: string, cause: string, outputs: SendPlan['outputs']): SendPlan {
  const settlement = outputs.map(({ asset, units }) => ({
    from: `payout:${cause}`,
    to: `external:${walletId}`,
    asset,
    units,
  }));
  return { purpose: 'payout', cause, walletId, outputs, settlement };
}
