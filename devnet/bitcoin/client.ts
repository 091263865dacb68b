/** How a payment of the development wallet is made. */
export interface PayOptions {
  /** Sat per virtual byte; by default 2, or 5 above the payment it conflicts with. */
  readonly feeRate?: number;
  /** Signals BIP-125; by default true. */
  readonly replaceable?: boolean;
  /** Id of a payment of this wallet whose coins are spent again: a replacement, or a rival for a reorganisation. */
  readonly conflictWith?: string;
}

export interface ReorgOptions {
  /** Blocks mined in place of the removed ones; by default one more than removed. */
  readonly mine?: number;
  /** Transactions of the removed blocks that are offered to the mempool again instead of being mined again. */
  readonly dropTxids?: readonly string[];
  /** Raw transactions mined in the first new block; what conflicts with them is lost. */
  readonly replaceWith?: readonly string[];
}

export interface ReorgResult {
  /** Hashes of the new blocks, lowest first. */
  readonly hashes: readonly string[];
  /** Transactions that went back to the mempool. */
  readonly returned: readonly string[];
  /** Transactions that can no longer be mined. */
  readonly lost: readonly string[];
}

export interface RawTransaction {
  readonly txid: string;
  readonly hex: string;
}

/** What a test or a person does to the development node. Amounts are satoshi; they fit a JSON number by Bitcoin's cap. */
export class BitcoinDevnet {
  readonly rpcUrl: string;

  constructor(rpcUrl: string) {
    this.rpcUrl = rpcUrl;
  }

  /** Any JSON-RPC method. @throws Error with `code` in its message when the node refuses. */
  async call<T>(method: string, params: readonly unknown[] = []): Promise<T> {
    const response = await fetch(this.rpcUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ id: 1, method, params }),
    });
    const reply = (await response.json()) as { result: T; error: { code: number; message: string } | null };
    if (reply.error) throw new Error(`${method}: ${reply.error.message} (${reply.error.code})`);
    return reply.result;
  }

  height(): Promise<number> {
    return this.call('getblockcount');
  }

  /** Mines blocks with what the mempool holds, by default to the development wallet. Answers their hashes. */
  mine(count = 1, address?: string): Promise<string[]> {
    return this.call('devnet.mine', address === undefined ? [count] : [count, address]);
  }

  /** Replaces the last `depth` blocks by a longer branch; what is neither dropped nor in conflict is mined again. */
  reorg(depth: number, options: ReorgOptions = {}): Promise<ReorgResult> {
    return this.call('devnet.reorg', [depth, options]);
  }

  /** Sets the node's clock, which goes on from there. Never earlier than the newest block. */
  async setTime(time: Date): Promise<void> {
    await this.call('devnet.setTime', [Math.floor(time.getTime() / 1000)]);
  }

  /** Makes `estimatesmartfee` answer this rate in sat per virtual byte; null: no estimate, as on an idle network. */
  async setFeeRate(satPerVbyte: number | null): Promise<void> {
    await this.call('devnet.setFeeRate', [satPerVbyte]);
  }

  /** Pays from the development wallet and answers the transaction id. */
  async pay(address: string, sats: bigint, options: PayOptions = {}): Promise<string> {
    return this.payMany([{ address, sats }], options);
  }

  /** Pays several outputs in one transaction, in this order. */
  async payMany(
    outputs: readonly { readonly address: string; readonly sats: bigint }[],
    options: PayOptions = {},
  ): Promise<string> {
    const { txid } = await this.call<RawTransaction>('devnet.pay', [outputs.map(plain), options]);
    return txid;
  }

  /** Signs a payment without sending it, e.g. for `reorg`'s `replaceWith`. */
  draft(address: string, sats: bigint, options: PayOptions = {}): Promise<RawTransaction> {
    return this.call('devnet.draft', [[plain({ address, sats })], options]);
  }
}

const plain = ({ address, sats }: { readonly address: string; readonly sats: bigint }) => ({
  address,
  sats: Number(sats),
});
