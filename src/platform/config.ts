import { z } from 'zod';

const url = z.url();
const ms = z.coerce.number().int().positive();
const SOURCES = ['kraken', 'coinbase', 'kucoin', 'bitstamp'] as const;
const sourceList = z
  .string()
  .transform((text) => text.split(',').map((part) => part.trim()))
  .pipe(z.array(z.enum(SOURCES)));

/** JSON in an environment variable, parsed by its own schema. */
const json = <T extends z.ZodType>(schema: T) =>
  z
    .string()
    .transform((text, context) => {
      try {
        return JSON.parse(text) as unknown;
      } catch {
        context.addIssue({ code: 'custom', message: 'is not JSON' });
        return z.NEVER;
      }
    })
    .pipe(schema);

const tokenSchema = z.record(z.string(), z.string());

/**
 * Every setting, read from the environment once at start. The README's table is generated from this schema; unknown
 * variables are ignored, missing ones without a default stop the process with their name.
 */
export const SETTINGS = z.object({
  NODE_ENV: z
    .enum(['production', 'development', 'test'])
    .default('production')
    .describe('`production` refuses test clocks, crash points and price rules with too few sources'),
  PORT: z.coerce.number().int().min(0).max(65535).default(8080).describe('Port of the REST API'),
  HOST: z.string().default('0.0.0.0').describe('Address the REST API listens on'),
  PUBLIC_URL: url.optional().describe('Base URL shown to users; derived from HOST and PORT when absent'),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .describe('Least level that is logged'),
  RATE_LIMIT_PER_S: z.coerce
    .number()
    .int()
    .min(1)
    .default(100)
    .describe('Requests an API key may send in a second, in each process'),
  DATABASE_URL: z.string().describe('PostgreSQL, as the application role `lockstep_app`'),
  DATABASE_POOL_SIZE: z.coerce.number().int().min(2).default(10).describe('Connections a process may open'),
  REDIS_URL: z.string().optional().describe('Redis for the job queue; without it the queue runs on DATABASE_URL'),
  QUEUE_PREFIX: z.string().default('lockstep').describe('Key prefix of the queue, so that several can share a Redis'),
  CLOCK: z
    .enum(['system', 'database'])
    .default('system')
    .describe('`database` reads a settable clock from PostgreSQL; refused in production'),
  TICK_MS: ms.default(1000).describe('How often due work is looked for, in milliseconds'),
  SIGNER_KEY_FILE: z.string().optional().describe('JSON file of wallet id → account secret; read by `worker` alone'),

  BITCOIN_RPC_URL: url
    .optional()
    .describe('Bitcoin node, Core-dialect JSON-RPC, credentials in the URL. Without it Bitcoin is off'),
  BITCOIN_NETWORK: z.enum(['mainnet', 'testnet', 'regtest']).default('mainnet').describe('Network the node must be on'),
  BITCOIN_ACCOUNT_XPUB: z
    .string()
    .optional()
    .describe('Account key m/84h/0h/0h (BIP-84) deposits and change derive from'),
  ETHEREUM_RPC_URL: url.optional().describe('Ethereum node, JSON-RPC. Without it Ethereum is off'),
  ETHEREUM_CHAIN_ID: z.coerce.number().int().positive().default(1).describe('Chain id the node must answer'),
  ETHEREUM_FACTORY: z.string().optional().describe('Address of our deposit forwarder factory'),
  ETHEREUM_HOT_ADDRESS: z.string().optional().describe("Hot wallet; must be the factory's treasury"),
  ETHEREUM_TOKENS: json(tokenSchema)
    .optional()
    .describe('JSON of asset id → token contract, for other networks than mainnet'),
  UNISWAP: json(z.object({ factory: z.string(), router: z.string(), quoter: z.string(), weth: z.string() }))
    .optional()
    .describe('JSON of Uniswap v3 addresses; without it the venue is off'),
  AKASH_RPC_URL: url.optional().describe('Akash node, CometBFT RPC. Without it Akash is off'),
  AKASH_CHAIN_ID: z.string().default('akashnet-2').describe('Chain id the node must answer'),
  AKASH_ACCOUNT_XPUB: z
    .string()
    .optional()
    .describe('Account key m/44h/118h/0h; 0/0 is the hot wallet, 1/i are deposits'),

  KRAKEN_URL: url.default('https://api.kraken.com').describe("Base URL of Kraken's public API"),
  COINBASE_URL: url.default('https://api.exchange.coinbase.com').describe("Base URL of Coinbase Exchange's public API"),
  KUCOIN_URL: url.default('https://api.kucoin.com').describe("Base URL of KuCoin's public API"),
  BITSTAMP_URL: url.default('https://www.bitstamp.net').describe("Base URL of Bitstamp's public API"),
  PRICE_SOURCES: sourceList.default([...SOURCES]).describe('Price sources in use, by name'),
  PRICE_AGE_MAX_MS: ms.default(30_000).describe('Oldest price observation that still counts'),
  PRICE_SOURCES_MIN: z.coerce.number().int().min(2).default(3).describe('Fresh agreeing sources a price needs'),

  PRICE_PAIRS: json(z.record(z.string(), z.record(z.string(), z.object({ name: z.string(), quote: z.string() }))))
    .optional()
    .describe('JSON of source → asset id → {name, quote}: markets added to or replacing the built-in ones'),
  POLICY: json(z.record(z.string(), z.unknown()))
    .optional()
    .describe(
      'JSON of asset id → changed policy values (depths, windows, minima, premium, caps, float, payout minimum); see `GET /v1/assets`',
    ),
  QUOTE_TTL_MS: ms.max(60_000).default(60_000).describe('How long a quote is firm'),
  SERVICE_FEE_BPS: z.coerce
    .number()
    .int()
    .min(0)
    .max(1000)
    .default(50)
    .describe('Service fee, basis points of what is paid'),
  SPREAD_BPS: z.coerce
    .number()
    .int()
    .min(0)
    .max(1000)
    .default(20)
    .describe('Spread each side of the mid price, on top of its uncertainty'),
  SLIPPAGE_MAX_BPS: z.coerce
    .number()
    .int()
    .min(1)
    .max(1000)
    .default(100)
    .describe('Most a swap may lose against its quote; never zero'),
  EXPOSURE_CAP_USD: z.string().default('250000').describe('Cap on the stress of all open rate locks, USD'),
  EXPOSURE_TENANT_CAP_USD: z
    .string()
    .default('50000')
    .describe("Cap on the stress of one tenant's open rate locks, USD"),
  PAYOUT_INTERVAL_MS: ms
    .default(86_400_000)
    .describe('Default time between payouts to one payee; at least one hour in production'),
  PAYEE_CHANGE_DELAY_MS: z.coerce
    .number()
    .int()
    .min(0)
    .default(172_800_000)
    .describe('Delay before a changed payout destination or schedule takes effect'),
  SEND_FEE_BUDGET_BPS: z.coerce
    .number()
    .int()
    .positive()
    .default(500)
    .describe('Most a stuck send may cost in fees by bumping, basis points of its amount'),
});

export type Settings = z.output<typeof SETTINGS>;

/** The settings a process runs with: parsed, checked against each other, frozen. */
export class Config {
  readonly settings: Readonly<Settings>;

  constructor(settings: Settings) {
    this.settings = Object.freeze({ ...settings });
  }

  /** Parses an environment. @throws Error naming every variable at fault, for the one line printed at start. */
  static parse(env: Readonly<Record<string, string | undefined>>): Config {
    const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
    const parsed = SETTINGS.safeParse(given);
    if (!parsed.success) {
      const faults = parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`);
      throw new Error(`settings: ${faults.join('; ')}`);
    }
    const faults = conflicts(parsed.data);
    if (faults.length > 0) throw new Error(`settings: ${faults.join('; ')}`);
    return new Config(parsed.data);
  }

  get production(): boolean {
    return this.settings.NODE_ENV === 'production';
  }
  get databaseUrl(): string {
    return this.settings.DATABASE_URL;
  }
  get databasePoolSize(): number {
    return this.settings.DATABASE_POOL_SIZE;
  }
  get clock(): 'system' | 'database' {
    return this.settings.CLOCK;
  }
}

/** Settings that are each fine and wrong together. */
function conflicts(settings: Settings): string[] {
  const faults: string[] = [];
  const need = (switchedBy: keyof Settings, ...names: (keyof Settings)[]) => {
    if (settings[switchedBy] === undefined) return;
    for (const name of names) if (settings[name] === undefined) faults.push(`${name} is needed with ${switchedBy}`);
  };
  need('BITCOIN_RPC_URL', 'BITCOIN_ACCOUNT_XPUB');
  need('ETHEREUM_RPC_URL', 'ETHEREUM_FACTORY', 'ETHEREUM_HOT_ADDRESS');
  need('AKASH_RPC_URL', 'AKASH_ACCOUNT_XPUB');
  if (settings.PRICE_SOURCES.length < settings.PRICE_SOURCES_MIN) {
    faults.push(
      `PRICE_SOURCES names ${settings.PRICE_SOURCES.length}, PRICE_SOURCES_MIN asks for ${settings.PRICE_SOURCES_MIN}`,
    );
  }
  if (settings.NODE_ENV === 'production') {
    if (settings.CLOCK !== 'system') faults.push('CLOCK must be `system` in production');
    if (settings.PRICE_SOURCES_MIN < 3) faults.push('PRICE_SOURCES_MIN is at least 3 in production');
    if (settings.PAYOUT_INTERVAL_MS < 3_600_000) faults.push('PAYOUT_INTERVAL_MS is at least one hour in production');
  }
  return faults;
}
