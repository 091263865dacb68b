import { DirectSecp256k1HdWallet } from '@cosmjs/proto-signing';
import { GasPrice, SigningStargateClient } from '@cosmjs/stargate';
import { DEV_MNEMONIC } from './genesis.ts';

const PAY_ATTEMPTS = 5;

interface Payer {
  readonly address: string;
  readonly client: SigningStargateClient;
}

/** Drives a running development chain: blocks, clock, faults, and payments from its funded wallet. */
export class AkashDevnet {
  readonly rpcUrl: string;
  #payer: Promise<Payer> | undefined;
  #lastPayment: Promise<unknown> = Promise.resolve();

  constructor(rpcUrl: string) {
    this.rpcUrl = rpcUrl;
  }

  /** Makes blocks; `spacingMs` is the block time between them, else each takes the clock's. */
  async mine(count = 1, spacingMs?: number): Promise<{ readonly height: number; readonly time: Date }> {
    const mined = await this.#call<{ height: number; time: string }>('devnet_mine', { count, spacingMs });
    return { height: mined.height, time: new Date(mined.time) };
  }

  /** Sets the clock of the blocks to come. Refused before the last block's time. */
  async setTime(time: Date): Promise<void> {
    await this.#call('devnet_setTime', { time: time.toISOString() });
  }

  /** While on, no block is made. */
  async halt(on: boolean): Promise<void> {
    await this.#call('devnet_halt', { on });
  }

  /** While on, accepted transactions never reach a block; a restart forgets them. */
  async withhold(on: boolean): Promise<void> {
    await this.#call('devnet_withhold', { on });
  }

  /** The next broadcast is accepted, and its connection cut before the answer. */
  async loseNextAnswer(): Promise<void> {
    await this.#call('devnet_loseNextAnswer', {});
  }

  /** Transactions of the last so many blocks are not found by `tx` and `tx_search` yet. */
  async lagIndex(blocks: number): Promise<void> {
    await this.#call('devnet_lagIndex', { blocks });
  }

  /** Puts raw transaction bytes into the next block unchecked, as a faulty proposer may. */
  async forceInclude(raw: Uint8Array): Promise<void> {
    await this.#call('devnet_forceInclude', { tx: Buffer.from(raw).toString('base64') });
  }

  /**
   * Sends uakt from the development wallet and makes the block that takes the payment. Calls queue up behind each
   * other; a sequence that another process used first is tried again.
   */
  pay(to: string, uakt: bigint, memo = ''): Promise<{ readonly txId: string; readonly height: number }> {
    const payment = this.#lastPayment.then(() => this.#pay(to, uakt, memo));
    this.#lastPayment = payment.catch(() => undefined);
    return payment;
  }

  async #pay(to: string, uakt: bigint, memo: string): Promise<{ readonly txId: string; readonly height: number }> {
    this.#payer ??= payer(this.rpcUrl).catch((error: unknown) => {
      this.#payer = undefined;
      throw error;
    });
    const { address, client } = await this.#payer;
    const message = {
      typeUrl: '/cosmos.bank.v1beta1.MsgSend',
      value: { fromAddress: address, toAddress: to, amount: [{ denom: 'uakt', amount: String(uakt) }] },
    };
    for (let attempt = 1; ; attempt++) {
      try {
        const txId = await client.signAndBroadcastSync(address, [message], 'auto', memo);
        await this.mine();
        const included = await client.getTx(txId);
        if (included?.code !== 0) throw new Error(`the payment ${txId} failed: ${included?.rawLog}`);
        return { txId, height: included.height };
      } catch (error) {
        const overtaken = error instanceof Error && error.message.includes('account sequence mismatch');
        if (!overtaken || attempt === PAY_ATTEMPTS) throw error;
        await this.mine();
      }
    }
  }

  async #call<Result>(method: string, params: object): Promise<Result> {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
    const response = await fetch(this.rpcUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    const { result, error } = (await response.json()) as { result: Result; error?: { data: string } };
    if (error) throw new Error(`${method}: ${error.data}`);
    return result;
  }
}

async function payer(rpcUrl: string): Promise<Payer> {
  const wallet = await DirectSecp256k1HdWallet.fromMnemonic(DEV_MNEMONIC, { prefix: 'akash' });
  const [account] = await wallet.getAccounts();
  if (!account) throw new Error('the development wallet has no account');
  const options = { gasPrice: GasPrice.fromString('0.025uakt') };
  return {
    address: account.address,
    client: await SigningStargateClient.connectWithSigner(rpcUrl, wallet, options),
  };
}
