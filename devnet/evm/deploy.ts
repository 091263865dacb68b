import {
  AbiCoder,
  concat,
  getAddress,
  getCreate2Address,
  HDNodeWallet,
  type Interface,
  keccak256,
  ZeroAddress,
  ZeroHash,
} from 'ethers';
import { type Artifact, ownArtifact, packageArtifact } from './artifacts.ts';
import { AMPLE_GAS, type EvmNode, MNEMONIC } from './node.ts';
import { addLiquidity, type Pool } from './pools.ts';

export interface DevToken {
  readonly symbol: string;
  readonly address: string;
  readonly decimals: number;
}

export interface DevAccount {
  readonly address: string;
  /** 32-byte hex key, from the well-known dev mnemonic. */
  readonly secret: string;
}

/** What stands on the local chain. */
export interface EvmDeployment {
  readonly chainId: number;
  /** Our deposit forwarder factory and batch payer. */
  readonly depositFactory: string;
  readonly batchPayer: string;
  readonly uniswap: {
    readonly factory: string;
    readonly positions: string;
    readonly router: string;
    readonly quoter: string;
    readonly weth: string;
  };
  /** By symbol: USDC, USDT (no return values), DAI, WETH. */
  readonly tokens: Readonly<Record<string, DevToken>>;
  readonly pools: readonly Pool[];
  /** `deployer` owns the factory, `hot` is its treasury, `payer` is the development wallet, `bot` keeps the prices. */
  readonly accounts: Readonly<Record<'deployer' | 'hot' | 'payer' | 'bot', DevAccount>>;
}

/** Puts contracts on the chain and mines them at once, whether blocks come by timer or by transaction. */
export interface Deployer {
  readonly from: string;
  create(artifact: Artifact, ...args: readonly unknown[]): Promise<string>;
  transact(to: string, contract: Interface, method: string, args: readonly unknown[], value?: bigint): Promise<void>;
}

/** Deterministic deployment proxy, at the same address on most EVM chains. https://github.com/Arachnid/deterministic-deployment-proxy */
const CREATE2_PROXY = '0x4e59b44847b379578588920cA78FbF26c0B4956C';

const PERIPHERY =
  '@uniswap/v3-periphery/artifacts/contracts/NonfungiblePositionManager.sol/NonfungiblePositionManager.json';
const ROUTERS = '@uniswap/swap-router-contracts/artifacts/contracts';

/** Market prices the pools open with, in USDC; the price bot moves them. */
const OPENING_PRICES = { WETH: '3000', DAI: '1', USDT: '1' } as const;

/** Deploys everything to an empty chain. `treasury` is where deposits are swept to. */
export async function deployAll(node: EvmNode, treasury: string | undefined): Promise<EvmDeployment> {
  const accounts = { deployer: account(0), hot: account(1), payer: account(2), bot: account(3) };
  const deployer = deployerOf(node, accounts.deployer.address);
  for (const { address } of Object.values(accounts))
    await node.call('anvil_setBalance', [address, `0x${(10n ** 25n).toString(16)}`]);
  const uniswap = await deployUniswap(deployer);
  const tokens = {
    USDC: await token(deployer, 'TestToken', 'USDC', 6),
    USDT: await token(deployer, 'NoReturnToken', 'USDT', 6),
    DAI: await token(deployer, 'TestToken', 'DAI', 18),
    WETH: { symbol: 'WETH', address: uniswap.weth, decimals: 18 },
  };
  const chain = { deployer, uniswap, bot: accounts.bot.address };
  const pools = [
    await addLiquidity(chain, tokens.DAI, tokens.USDC, 100, OPENING_PRICES.DAI),
    await addLiquidity(chain, tokens.USDT, tokens.USDC, 100, OPENING_PRICES.USDT),
    await addLiquidity(chain, tokens.WETH, tokens.USDC, 500, OPENING_PRICES.WETH),
    await addLiquidity(chain, tokens.WETH, tokens.USDC, 3000, OPENING_PRICES.WETH),
  ];
  const owner = accounts.deployer.address;
  return {
    chainId: Number(await node.call('eth_chainId')),
    depositFactory: await deployFactory(node, owner, treasury ?? accounts.hot.address),
    batchPayer: await deployer.create(ownArtifact('BatchPayer')),
    uniswap,
    tokens,
    pools,
    accounts,
  };
}

/** Deploys through the deterministic proxy: same owner and treasury, same factory address on every chain. */
async function deployFactory(node: EvmNode, owner: string, treasury: string): Promise<string> {
  const { bytecode } = ownArtifact('DepositForwarderFactory');
  const initCode = concat([bytecode, AbiCoder.defaultAbiCoder().encode(['address', 'address'], [owner, treasury])]);
  const txId = await node.send({ from: owner, to: CREATE2_PROXY, data: concat([ZeroHash, initCode]) });
  await node.call('evm_mine');
  await node.mined(txId);
  return getCreate2Address(CREATE2_PROXY, ZeroHash, keccak256(initCode));
}

async function deployUniswap(deployer: Deployer): Promise<EvmDeployment['uniswap']> {
  const weth = await deployer.create(packageArtifact('canonical-weth/build/contracts/WETH9.json'));
  const core = packageArtifact('@uniswap/v3-core/artifacts/contracts/UniswapV3Factory.sol/UniswapV3Factory.json');
  const factory = await deployer.create(core);
  // The 0.01 % tier came to the main network by a vote of governance; the code starts without it.
  await deployer.transact(factory, core.contract, 'enableFeeAmount', [100, 1]);
  const positions = await deployer.create(packageArtifact(PERIPHERY), factory, weth, ZeroAddress);
  const routerCode = packageArtifact(`${ROUTERS}/SwapRouter02.sol/SwapRouter02.json`);
  const router = await deployer.create(routerCode, ZeroAddress, factory, positions, weth);
  const quoter = await deployer.create(packageArtifact(`${ROUTERS}/lens/QuoterV2.sol/QuoterV2.json`), factory, weth);
  return { factory, positions, router, quoter, weth };
}

async function token(deployer: Deployer, kind: string, symbol: string, decimals: number): Promise<DevToken> {
  return { symbol, address: await deployer.create(ownArtifact(kind), symbol, decimals), decimals };
}

/** Sends from one unlocked account, mining after each transaction. */
export function deployerOf(node: EvmNode, from: string): Deployer {
  const mine = async (transaction: { to?: string; data: string; value?: bigint }) => {
    const txId = await node.send({ from, ...transaction, gas: AMPLE_GAS });
    await node.call('evm_mine');
    return node.mined(txId);
  };
  return {
    from,
    async create({ contract, bytecode }, ...args) {
      const receipt = await mine({ data: concat([bytecode, contract.encodeDeploy(args)]) });
      return getAddress(receipt.contractAddress ?? '');
    },
    async transact(to, contract, method, args, value = 0n) {
      await mine({ to, data: contract.encodeFunctionData(method, args), value });
    },
  };
}

function account(index: number): DevAccount {
  const wallet = HDNodeWallet.fromPhrase(MNEMONIC, undefined, `m/44'/60'/0'/0/${index}`);
  return { address: wallet.address, secret: wallet.privateKey };
}
