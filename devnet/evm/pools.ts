import { AbiCoder, getCreate2Address, Interface, keccak256, MaxUint256 } from 'ethers';
import { parseRatio } from '../../src/money/codec.ts';
import type { Ratio } from '../../src/money/rate.ts';
import { packageArtifact } from './artifacts.ts';
import type { Deployer, DevToken, EvmDeployment } from './deploy.ts';

/** A Uniswap v3 pool; prices are stated as units of `quote` for one `base`. */
export interface Pool {
  readonly base: string;
  readonly quote: string;
  /** Hundredths of a basis point. */
  readonly fee: number;
  readonly address: string;
}

interface PoolChain {
  readonly deployer: Deployer;
  readonly uniswap: EvmDeployment['uniswap'];
  readonly bot: string;
}

export const TOKEN = new Interface([
  'function mint(address to, uint256 value)',
  'function approve(address spender, uint256 value)',
  'function transfer(address to, uint256 value)',
  'function balanceOf(address owner) view returns (uint256)',
  'function deposit() payable',
]);

/** keccak256 of a pool's creation code, the same on every deployment of Uniswap v3. */
const POOL_INIT_CODE_HASH = '0xe34f199b19b2b4f47f68442619d555527d244f78a3297ea89325f843f87b8b54';

/** Greatest tick of a full range, by fee, on its tick spacing. */
const FULL_RANGE: Readonly<Record<number, number>> = { 100: 887272, 500: 887270, 3000: 887220 };

/** Depth of each pool: this many whole quote units on its quote side. */
const DEPTH = 100_000_000n;

/** Creates a pool at a price and fills it over the full range. */
export async function addLiquidity(
  { deployer, uniswap, bot }: PoolChain,
  base: DevToken,
  quote: DevToken,
  fee: number,
  price: string,
): Promise<Pool> {
  const ratio = priceOf(price);
  const quoteUnits = DEPTH * 10n ** BigInt(quote.decimals);
  const baseUnits = (DEPTH * 10n ** BigInt(base.decimals) * ratio.den) / ratio.num;
  for (const [token, units] of [
    [base, baseUnits],
    [quote, quoteUnits],
  ] as const) {
    await mintDev(deployer, token, deployer.from, units);
    await deployer.transact(token.address, TOKEN, 'approve', [uniswap.positions, 0n]);
    await deployer.transact(token.address, TOKEN, 'approve', [uniswap.positions, MaxUint256]);
  }
  const baseFirst = BigInt(base.address) < BigInt(quote.address);
  const [token0, token1] = baseFirst ? [base, quote] : [quote, base];
  const [units0, units1] = baseFirst ? [baseUnits, quoteUnits] : [quoteUnits, baseUnits];
  const { contract } = packageArtifact(
    '@uniswap/v3-periphery/artifacts/contracts/NonfungiblePositionManager.sol/NonfungiblePositionManager.json',
  );
  const key = [token0.address, token1.address, fee];
  const opening = sqrtPriceX96(base, quote, ratio);
  await deployer.transact(uniswap.positions, contract, 'createAndInitializePoolIfNecessary', [...key, opening]);
  const tick = FULL_RANGE[fee];
  if (tick === undefined) throw new Error(`no tick spacing known for fee ${fee}`);
  const position = [...key, -tick, tick, units0, units1, 0n, 0n, bot, MaxUint256];
  await deployer.transact(uniswap.positions, contract, 'mint', [position]);
  const salt = keccak256(AbiCoder.defaultAbiCoder().encode(['address', 'address', 'uint24'], key));
  const address = getCreate2Address(uniswap.factory, salt, POOL_INIT_CODE_HASH);
  return { base: base.symbol, quote: quote.symbol, fee, address };
}

/** Gives an account tokens out of nothing; WETH is wrapped from the deployer's ether and handed over. */
export async function mintDev(deployer: Deployer, token: DevToken, to: string, units: bigint): Promise<void> {
  if (token.symbol !== 'WETH') return deployer.transact(token.address, TOKEN, 'mint', [to, units]);
  await deployer.transact(token.address, TOKEN, 'deposit', [], units);
  if (to !== deployer.from) await deployer.transact(token.address, TOKEN, 'transfer', [to, units]);
}

/** The pool price of Uniswap v3: sqrt(units of token1 for one unit of token0) × 2^96. */
export function sqrtPriceX96(base: DevToken, quote: DevToken, price: Ratio): bigint {
  const num = price.num * 10n ** BigInt(quote.decimals);
  const den = price.den * 10n ** BigInt(base.decimals);
  const baseFirst = BigInt(base.address) < BigInt(quote.address);
  return squareRoot(baseFirst ? (num << 192n) / den : (den << 192n) / num);
}

export function priceOf(text: string): Ratio {
  const price = parseRatio(text);
  if (typeof price === 'string') throw new Error(`not a price: ${text}`);
  return price;
}

function squareRoot(value: bigint): bigint {
  let root = 1n << BigInt(Math.ceil(value.toString(2).length / 2));
  for (;;) {
    const next = (root + value / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}
