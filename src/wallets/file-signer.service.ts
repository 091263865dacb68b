import { readFileSync } from 'node:fs';
import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { Chain, Signed, Unsigned } from '../adapters/chain.ts';
import { Chains } from '../adapters/chains/index.ts';
import { Venues } from '../adapters/venues/index.ts';
import { policyOf } from '../markets/policy.ts';
import type { AssetId } from '../money/asset.ts';
import { parseUnits } from '../money/codec.ts';
import { Config } from '../platform/config.ts';
import { Database, type Tx } from '../platform/database.ts';
import { LOGGER } from '../platform/platform.module.ts';
import type { Payload } from './send.ts';
import { Signer, SigningRefused } from './signer.ts';
import { type CallRules, type Cap, checkCall, intentOf, outflow } from './signer-policy.ts';
import { WALLETS } from './wallet-list.ts';

/** Where nothing else is said, a wallet may send this many of an asset's largest locks an hour, and one at a time. */
const LOCKS_AN_HOUR = 10n;

const units = z.string().regex(/^\d+$/).transform(BigInt);
const keyFile = z.record(
  z.string(),
  z.union([
    z.string().transform((secret) => ({ secret, caps: {} as Record<string, Cap> })),
    z.strictObject({
      secret: z.string(),
      /** By asset, base units: most for one send and for one hour. */
      caps: z.record(z.string(), z.strictObject({ send: units, hour: units })).default({}),
    }),
  ]),
);

/**
 * Keys in a file of JSON, wallet id → account secret, or `{ secret, caps }`. Signs only what its own decoding of the body
 * shows to be a payment to an allowed destination, or a call it knows, within the caps.
 */
@Injectable()
export class FileSigner extends Signer {
  private readonly keys: z.output<typeof keyFile>;
  private readonly venues: Venues;

  constructor(
    private readonly config: Config,
    private readonly database: Database,
    private readonly chains: Chains,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    super();
    const path = config.settings.SIGNER_KEY_FILE;
    if (path === undefined) throw new Error('settings: SIGNER_KEY_FILE is needed where transactions are signed');
    const parsed = keyFile.safeParse(JSON.parse(readFileSync(path, 'utf8')));
    if (!parsed.success) throw new Error('settings: SIGNER_KEY_FILE is not JSON of wallet id → account secret');
    this.keys = parsed.data;
    this.venues = Venues.from(config);
  }

  override async sign(walletId: string, sendId: string, unsigned: Unsigned): Promise<Signed> {
    try {
      const key = this.keys[walletId];
      const wallet = WALLETS.find(({ id }) => id === walletId);
      if (key === undefined || wallet?.chain !== unsigned.chain)
        throw new SigningRefused(`there is no key of ${walletId} for ${unsigned.chain}`);
      const chain = this.chains.get(unsigned.chain);
      await this.database.transaction((tx) => this.approve(tx, chain, walletId, sendId, unsigned.body));
      return await chain.sign(unsigned, key.secret);
    } catch (error) {
      if (error instanceof SigningRefused) this.logger.error({ walletId, sendId, reason: error.message }, 'not signed');
      throw error;
    }
  }

  /** Checks a body against destinations, calls and caps, and writes it into the signer's log. */
  private async approve(tx: Tx, chain: Chain, walletId: string, sendId: string, body: string): Promise<void> {
    const { outputs, call = null, feeMax } = chain.decode(body);
    const payload: Payload = { outputs, call };
    const checked = call === null ? null : checkCall(call, this.callRules(chain));
    if (checked?.kind === 'refused') throw new SigningRefused(checked.reason);
    await this.checkDestinations(tx, chain.id, payload);
    await tx.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended('signer ' || ${walletId}, 0))`;
    const intent = intentOf(payload);
    const [earlier] = await tx.$queryRaw<{ intent: string }[]>`
      SELECT intent FROM signatures WHERE send_id = ${sendId} LIMIT 1`;
    if (earlier !== undefined && earlier.intent !== intent)
      throw new SigningRefused(`send ${sendId} was signed before for something else`);
    for (const [asset, amount] of outflow(payload, feeMax, checked?.takes ?? null)) {
      await this.count(tx, { sendId, asset, walletId, amount, intent });
    }
  }

  private async checkDestinations(tx: Tx, chain: string, { outputs }: Payload): Promise<void> {
    const addresses = [...new Set(outputs.map(({ address }) => address))];
    const known = await tx.$queryRaw<{ address: string }[]>`
      SELECT address FROM allowed_destinations
      WHERE chain = ${chain} AND address = ANY(${addresses}) AND active_from <= lockstep_now()
      UNION SELECT address FROM wallet_addresses WHERE chain = ${chain} AND address = ANY(${addresses})`;
    const stranger = addresses.find((address) => !known.some((row) => row.address === address));
    if (stranger !== undefined) throw new SigningRefused(`${stranger} is not an allowed destination`);
  }

  private async count(
    tx: Tx,
    entry: { sendId: string; asset: AssetId; walletId: string; amount: bigint; intent: string },
  ): Promise<void> {
    const { sendId, asset, walletId, amount, intent } = entry;
    const cap = this.cap(walletId, asset);
    if (amount > cap.send) throw new SigningRefused(`${amount} ${asset} is above the cap of ${cap.send} for one send`);
    const [row] = await tx.$queryRaw<{ units: string }[]>`
      SELECT coalesce(sum(units), 0)::text AS units FROM signatures
      WHERE wallet_id = ${walletId} AND asset = ${asset} AND send_id <> ${sendId}
        AND signed_at > lockstep_now() - interval '1 hour'`;
    const hour = BigInt(row?.units ?? 0) + amount;
    if (hour > cap.hour) throw new SigningRefused(`${hour} ${asset} in one hour is above the cap of ${cap.hour}`);
    await tx.$executeRaw`
      INSERT INTO signatures (send_id, asset, wallet_id, units, intent, signed_at)
      VALUES (${sendId}, ${asset}, ${walletId}, ${String(amount)}::numeric, ${intent}, lockstep_now())
      ON CONFLICT DO NOTHING`;
  }

  private cap(walletId: string, asset: AssetId): Cap {
    const own = this.keys[walletId]?.caps[asset];
    if (own !== undefined) return own;
    const decimals = this.chains
      .all()
      .flatMap(({ assets, feeAsset }) => [...assets, feeAsset])
      .find(({ id }) => id === asset)?.decimals;
    const send = decimals === undefined ? null : parseUnits(policyOf(this.config, asset).lockMaximum, decimals);
    if (typeof send !== 'bigint') throw new SigningRefused(`there is no cap for ${asset}`);
    return { send, hour: send * LOCKS_AN_HOUR };
  }

  private callRules(chain: Chain): CallRules {
    const { ETHEREUM_FACTORY, UNISWAP } = this.config.settings;
    const tokens = chain.assets.flatMap(({ id, reference }): [string, AssetId][] =>
      reference === null ? [] : [[reference.toLowerCase(), id]],
    );
    return {
      factory: ETHEREUM_FACTORY?.toLowerCase() ?? null,
      spenders: UNISWAP === undefined ? [] : [UNISWAP.router.toLowerCase()],
      isVenueOrder: (call) => this.venues.all().some((venue) => venue.isOwnOrder(call)),
      tokens: new Map(tokens),
    };
  }
}
