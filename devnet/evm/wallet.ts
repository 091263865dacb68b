import type { EvmDeployment } from './deploy.ts';
import { deployerOf } from './deploy.ts';
import type { EvmNode } from './node.ts';
import { mintDev, TOKEN } from './pools.ts';

export interface Payment {
  /** Token contract; null pays ether. */
  readonly token: string | null;
  readonly to: string;
  readonly units: bigint;
}

/** The development wallet and the levers a test has on the local chain. */
export interface EvmWallet {
  /** Pays from the development account, minting the token where it is short. Returns the id of the sent transaction. */
  pay(payment: Payment): Promise<string>;
  /** Mines blocks now. */
  mine(blocks?: number): Promise<void>;
  /** Sets the time of the next block; later blocks run on from there. Chain time never goes back. */
  setTime(time: Date): Promise<void>;
  /**
   * Replaces the last `depth` blocks. Their transactions are gone, except those given: signed bytes and the place in
   * the new blocks (0 is the lowest) each one is mined in.
   */
  reorg(depth: number, transactions?: readonly (readonly [raw: string, block: number])[]): Promise<void>;
  /** Mints a development token to an account; WETH is wrapped ether. */
  mint(symbol: string, to: string, units: bigint): Promise<void>;
}

/** The development wallet of a deployment. */
export function evmWallet(node: EvmNode, deployment: EvmDeployment): EvmWallet {
  const payer = deployment.accounts.payer.address;
  const mine = async (blocks = 1) => {
    await node.call('anvil_mine', [`0x${blocks.toString(16)}`]);
  };
  return {
    mine,
    async pay({ token, to, units }) {
      if (token === null) return node.send({ from: payer, to, value: units });
      await topUp(node, token, payer, units);
      return node.send({ from: payer, to: token, data: TOKEN.encodeFunctionData('transfer', [to, units]) });
    },
    async setTime(time) {
      const head = (await node.call('eth_getBlockByNumber', ['latest', false])) as { timestamp: string };
      const seconds = Math.max(Math.floor(time.getTime() / 1000), Number(head.timestamp) + 1);
      await node.call('evm_setTime', [seconds]);
      await node.call('evm_setNextBlockTimestamp', [seconds]);
    },
    async reorg(depth, transactions = []) {
      await node.call('anvil_reorg', [depth, transactions]);
    },
    async mint(symbol, to, units) {
      const token = deployment.tokens[symbol];
      if (token === undefined) throw new Error(`no development token ${symbol}`);
      await mintDev(deployerOf(node, deployment.accounts.deployer.address), token, to, units);
    },
  };
}

async function topUp(node: EvmNode, token: string, owner: string, units: bigint): Promise<void> {
  const query = { to: token, data: TOKEN.encodeFunctionData('balanceOf', [owner]) };
  if (BigInt(String(await node.call('eth_call', [query, 'latest']))) >= units) return;
  const data = TOKEN.encodeFunctionData('mint', [owner, units * 100n]);
  // Waited for: anvil may leave a transaction behind that arrives while its account's last one is being mined.
  await node.mined(await node.send({ from: owner, to: token, data }));
}
