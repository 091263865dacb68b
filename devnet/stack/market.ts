import { formatUnits, parseUnits } from '../../src/money/codec.ts';
import { priceBot } from '../evm/price-bot.ts';
import { type LocalChains, MARKET } from './chains.ts';

const STEP_MS = 3_000;
const DECIMALS = 8;
const MILLION = 1_000_000n;
/** Parts per million prices move at most from where they began, and in one step. */
const RANGE_PPM = 2_000;
const STEP_PPM = 60;

/** Assets whose dollar price stands still. */
const STABLE = ['USDC', 'USDT', 'DAI'];

/** Lets prices wander a little at the exchanges, and Uniswap follow, until `stop`. */
export function moveMarket({ exchanges, evm }: LocalChains): { stop(): Promise<void> } {
  const bot = priceBot(evm.node, evm.deployment);
  const drift = new Map<string, number>();
  let running: Promise<void> = Promise.resolve();
  const step = async () => {
    for (const [ticker, start] of Object.entries(MARKET)) {
      if (STABLE.includes(ticker)) continue;
      const ppm = next(drift.get(ticker) ?? 0);
      drift.set(ticker, ppm);
      const price = moved(start, ppm);
      exchanges.set(ticker, price);
      if (ticker === 'ETH') await bot.setPrice('WETH', 'USDC', price);
    }
  };
  const timer = setInterval(() => {
    // A step that the chain did not take is made up for by the next.
    running = running.then(step).catch(() => undefined);
  }, STEP_MS);
  return {
    async stop() {
      clearInterval(timer);
      await running;
    },
  };
}

function next(ppm: number): number {
  const moved = ppm + Math.round((Math.random() * 2 - 1) * STEP_PPM);
  return Math.max(-RANGE_PPM, Math.min(RANGE_PPM, moved));
}

function moved(start: string, ppm: number): string {
  const units = parseUnits(start, DECIMALS);
  if (typeof units !== 'bigint') throw new Error(`not a price: ${start}`);
  return formatUnits((units * (MILLION + BigInt(ppm))) / MILLION, DECIMALS);
}
