import type { Bcoin, BcoinAddress, BcoinBlock, BcoinEntry, BcoinNode, BcoinTemplate, BcoinTx } from './bcoin.ts';
import { reverseHex } from './bcoin.ts';
import { addressScript } from './address.ts';
import type { Relay } from './relay.ts';
import { RPC, RpcError } from './rpc-error.ts';

export interface ReorgRequest {
  /** Blocks taken off the chain. */
  readonly depth: number;
  /** Blocks put in their place; more than `depth`. */
  readonly mine: number;
  /** Transactions of the old blocks that are left out of the new ones and offered to the mempool again. */
  readonly dropTxids: readonly string[];
  /** Raw transactions mined in the first new block instead of whatever conflicts with them. */
  readonly replaceWith: readonly string[];
}

export interface ReorgReport {
  readonly hashes: readonly string[];
  /** Transactions no longer in the chain, by what the mempool said of them. */
  readonly returned: readonly string[];
  readonly lost: readonly string[];
}

/** Mining on demand, and reorganisations by a heavier branch: bcoin's own `invalidateblock` leaves its miner unusable. */
export class Blocks {
  readonly #bcoin: Bcoin;
  readonly #node: BcoinNode;
  readonly #relay: Relay;

  constructor(bcoin: Bcoin, node: BcoinNode, relay: Relay) {
    this.#bcoin = bcoin;
    this.#node = node;
    this.#relay = relay;
  }

  /** Mines blocks with what the mempool holds. Answers their hashes. */
  async mine(count: number, address: string): Promise<string[]> {
    const hashes: string[] = [];
    for (let mined = 0; mined < count; mined++) {
      const template = await this.#node.miner.createBlock(this.#node.chain.tip, this.#payee(address));
      hashes.push((await this.#connect(solve(template))).rhash());
    }
    await this.#relay.store();
    return hashes;
  }

  /** Replaces the last `depth` blocks. Each kept transaction is mined again at the height it had. */
  async reorg(request: ReorgRequest, address: string): Promise<ReorgReport> {
    const { depth, mine } = request;
    const { chain } = this.#node;
    if (!(depth >= 1 && depth < chain.height)) throw new RpcError(RPC.invalidParameter, 'depth is out of range');
    if (!(mine > depth)) throw new RpcError(RPC.invalidParameter, 'a reorganisation mines more blocks than it removes');
    const old: BcoinBlock[] = [];
    for (let height = chain.height - depth + 1; height <= chain.height; height++) old.push(await this.#blockAt(height));
    const replacements = request.replaceWith.map((hex) => this.#relay.parse(hex));
    const { kept, dropped } = divide(old, new Set(request.dropTxids.map(reverseHex)), replacements);
    let parent = await this.#entryAt(chain.height - depth);
    const hashes: string[] = [];
    for (let place = 0; place < mine; place++) {
      const template = await this.#node.miner.createBlock(parent, this.#payee(address));
      this.#fill(template, [...(place === 0 ? replacements : []), ...(kept[place] ?? [])]);
      parent = await this.#connect(solve(template));
      hashes.push(parent.rhash());
    }
    return { hashes, ...(await this.#offer(dropped)) };
  }

  #fill(template: BcoinTemplate, txs: readonly BcoinTx[]): void {
    template.items = [];
    template.fees = 0;
    // Without the coins' values the block claims no fee, which is allowed: they are burned.
    for (const tx of txs) {
      if (!template.addTX(tx, new this.#bcoin.CoinView())) throw new RpcError(RPC.misc, `block refuses ${tx.txid()}`);
    }
    template.refresh();
  }

  async #offer(dropped: readonly BcoinTx[]): Promise<{ returned: string[]; lost: string[] }> {
    const returned: string[] = [];
    const lost: string[] = [];
    for (const tx of dropped) {
      try {
        returned.push(await this.#relay.send(tx));
      } catch (error) {
        if (!(error instanceof RpcError)) throw error;
        lost.push(tx.txid());
      }
    }
    await this.#relay.store();
    return { returned, lost };
  }

  async #connect(block: BcoinBlock): Promise<BcoinEntry> {
    const entry = await this.#node.chain.add(block);
    if (!entry) throw new RpcError(RPC.misc, 'the mined block did not connect');
    return entry;
  }

  async #entryAt(height: number): Promise<BcoinEntry> {
    const entry = await this.#node.chain.getEntry(height);
    if (!entry) throw new RpcError(RPC.invalidParameter, 'Block height out of range');
    return entry;
  }

  async #blockAt(height: number): Promise<BcoinBlock> {
    const block = await this.#node.chain.getBlock((await this.#entryAt(height)).hash);
    if (!block) throw new RpcError(RPC.invalidAddressOrKey, 'Block not found');
    return block;
  }

  #payee(address: string): BcoinAddress {
    const payee = this.#bcoin.Address.fromScript(this.#bcoin.Script.fromRaw(addressScript(address)));
    if (!payee) throw new RpcError(RPC.invalidAddressOrKey, 'Error: Invalid address');
    return payee;
  }
}

/** Old transactions by their block: those mined again, and those that cannot or shall not be. */
function divide(
  old: readonly BcoinBlock[],
  drop: ReadonlySet<string>,
  replacements: readonly BcoinTx[],
): { kept: BcoinTx[][]; dropped: BcoinTx[] } {
  const taken = new Set(
    replacements.flatMap((tx) => tx.inputs.map(({ prevout }) => `${prevout.hash}:${prevout.index}`)),
  );
  const again = new Set(replacements.map((tx) => tx.hash('hex')));
  const gone = new Set<string>();
  const dropped: BcoinTx[] = [];
  const kept = old.map(({ txs }) =>
    txs.filter((tx) => {
      const hash = tx.hash('hex');
      if (again.has(hash)) return false;
      const stays =
        !tx.isCoinbase() &&
        !drop.has(hash) &&
        tx.inputs.every(({ prevout }) => !gone.has(prevout.hash) && !taken.has(`${prevout.hash}:${prevout.index}`));
      if (!stays) gone.add(hash);
      if (!stays && !tx.isCoinbase()) dropped.push(tx);
      return stays;
    }),
  );
  return { kept, dropped };
}

function solve(template: BcoinTemplate): BcoinBlock {
  for (let nonce = 0; ; nonce++) {
    const proof = template.getProof(0, 0, template.time, nonce);
    if (proof.verify(template.target)) return template.commit(proof);
  }
}
