import { Interface, MaxUint256 } from 'ethers';
import { deployerOf, type DevToken, type EvmDeployment } from './deploy.ts';
import { AMPLE_GAS, type EvmNode } from './node.ts';
import { mintDev, type Pool, priceOf, sqrtPriceX96, TOKEN } from './pools.ts';

const POOL = new Interface([
  'function slot0() view returns (uint160 sqrtPriceX96, int24, uint16, uint16, uint16, uint8, bool)',
]);
const ROUTER = new Interface([
  'function exactInputSingle((address tokenIn, address tokenOut, uint24 fee, address recipient, uint256 amountIn, uint256 amountOutMinimum, uint160 sqrtPriceLimitX96) params) payable returns (uint256)',
]);

/** Deviations up to 1/SLACK of the price's square root (about 2 bp of the price) are left alone. */
const SLACK = 10_000n;

/** What the bot may spend on each trade, in whole tokens; a swap takes only what moves the price to its target. */
const PURSE = 1_000_000_000n;

/** Keeps the pools of the local chain at market prices, by trading as an arbitrageur does. */
export interface PriceBot {
  /** Trades every pool of the pair to `price`: a decimal string, units of `quote` for one `base`. */
  setPrice(base: string, quote: string, price: string): Promise<void>;
}

/** The bot of a deployment. It trades from its own account and is funded as it needs. */
export function priceBot(node: EvmNode, deployment: EvmDeployment): PriceBot {
  const token = (symbol: string): DevToken => {
    const found = deployment.tokens[symbol];
    if (found === undefined) throw new Error(`no development token ${symbol}`);
    return found;
  };
  const moveTo = async (pool: Pool, target: bigint): Promise<void> => {
    const slot = await node.call('eth_call', [{ to: pool.address, data: POOL.encodeFunctionData('slot0') }, 'latest']);
    const now = BigInt(String(POOL.decodeFunctionResult('slot0', String(slot))[0]));
    const gap = now > target ? now - target : target - now;
    if (gap * SLACK <= target) return;
    const [token0, token1] = [token(pool.base), token(pool.quote)].sort((a, b) =>
      BigInt(a.address) < BigInt(b.address) ? -1 : 1,
    );
    if (token0 === undefined || token1 === undefined) throw new Error('a pool has two tokens');
    // Selling token0 lowers the price of Uniswap v3, which is token1 for one token0.
    const [sold, bought] = now > target ? [token0, token1] : [token1, token0];
    await trade(node, deployment, { sold, bought, fee: pool.fee, target });
  };
  return {
    async setPrice(base, quote, price) {
      const target = sqrtPriceX96(token(base), token(quote), priceOf(price));
      const pools = deployment.pools.filter((pool) => pool.base === base && pool.quote === quote);
      if (pools.length === 0) throw new Error(`no pool of ${base} and ${quote}`);
      for (const pool of pools) await moveTo(pool, target);
    },
  };
}

interface Trade {
  readonly sold: DevToken;
  readonly bought: DevToken;
  readonly fee: number;
  readonly target: bigint;
}

async function trade(node: EvmNode, deployment: EvmDeployment, { sold, bought, fee, target }: Trade): Promise<void> {
  const bot = deployment.accounts.bot.address;
  const { router } = deployment.uniswap;
  const purse = (sold.symbol === 'WETH' ? 1_000_000n : PURSE) * 10n ** BigInt(sold.decimals);
  const query = { to: sold.address, data: TOKEN.encodeFunctionData('balanceOf', [bot]) };
  if (BigInt(String(await node.call('eth_call', [query, 'latest']))) < purse) {
    const funder = deployerOf(node, bot);
    await mintDev(funder, sold, bot, purse);
    await funder.transact(sold.address, TOKEN, 'approve', [router, 0n]);
    await funder.transact(sold.address, TOKEN, 'approve', [router, MaxUint256]);
  }
  const params = [sold.address, bought.address, fee, bot, purse, 0n, target];
  const data = ROUTER.encodeFunctionData('exactInputSingle', [params]);
  await node.mined(await node.send({ from: bot, to: router, data, gas: AMPLE_GAS }));
}
