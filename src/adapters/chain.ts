import type { Asset, AssetId } from '../money/asset.ts';
import type { Money } from '../money/money.ts';

/** One block as a driver names it. On EVM and Cosmos `time` is the header's; on Bitcoin the header's, not median time. */
export interface BlockRef {
  readonly height: number;
  readonly hash: string;
  readonly parentHash: string;
  readonly time: Date;
}

/** Money that arrived at one of our addresses, found in a block or (Bitcoin) in the mempool. */
export interface IncomingTransfer {
  readonly txId: string;
  /** The transfer's own place inside its transaction, stable over reorgs: `vout:1`, `log:3` (index in its receipt), `msg:0`. */
  readonly place: string;
  /** The receiving address in canonical text form, exactly as given in the watch list. */
  readonly address: string;
  /** The asset, or null for a token that is not pinned: listed as unclaimed, never credited. */
  readonly asset: AssetId | null;
  /** Contract or denom as seen on the chain, for unknown tokens. */
  readonly reference: string | null;
  readonly units: bigint;
  /** Fee of the transaction in base units per virtual byte, rounded down, where the chain has one; null otherwise. */
  readonly feeRate: bigint | null;
  /** False for an output that may not be credited or spent yet by rule (coinbase). */
  readonly spendable: boolean;
  readonly memo: string | null;
}

export interface ChainBlock extends BlockRef {
  readonly transfers: readonly IncomingTransfer[];
}

/** Addresses to look for. Drivers ask it once per output: it must be cheap. Keys are the driver's own (`watchKey`). */
export interface WatchList {
  has(key: string): boolean;
  /** False when no key ends in these four bytes (big-endian, of a hex key): saves a driver building the key. */
  mayHave?(tail: number): boolean;
  /** Canonical address text of a key. */
  address(key: string): string | undefined;
}

export type AddressCheck =
  | { readonly kind: 'valid'; readonly canonical: string }
  | { readonly kind: 'invalid'; readonly reason: string };

/** A coin to spend (Bitcoin, Handshake). `txId:vout` is its identity. */
export interface Coin {
  readonly txId: string;
  readonly vout: number;
  readonly units: bigint;
  readonly address: string;
  /** Derivation path below the wallet's account key: `0/7` receive, `1/3` change. */
  readonly path: string;
}

export interface ContractCall {
  readonly to: string;
  /** 0x-prefixed calldata. */
  readonly data: string;
  /** Native units sent along. */
  readonly value: bigint;
}

export interface Output {
  readonly address: string;
  readonly asset: AssetId;
  readonly units: bigint;
}

/**
 * What the send is bound to. Two attempts with the same anchor exclude each other on the chain: they spend a common
 * coin, or use the same nonce or sequence.
 */
export type Anchor =
  | {
      readonly kind: 'coins';
      readonly coins: readonly Coin[];
      readonly change: { readonly address: string; readonly path: string };
    }
  | { readonly kind: 'nonce'; readonly signer: string; readonly nonce: bigint }
  | {
      readonly kind: 'sequence';
      readonly signer: string;
      readonly sequence: bigint;
      /** Derivation path of the signer below the wallet's account key; `0/0` when absent. */
      readonly path?: string;
    };

/** A transaction to build. `outputs` for plain payments, `call` for one contract call; never both. */
export interface SendRequest {
  readonly anchor: Anchor;
  readonly outputs: readonly Output[];
  readonly call?: ContractCall;
  /** Price to pay per unit of size or gas (sat/vB, wei/gas, uakt/gas × 10^-18), from `feeRate` or raised for a replacement. */
  readonly feeRate: bigint;
  readonly memo?: string;
  /** Height after which the transaction can no longer be included, where the chain has that (Cosmos). */
  readonly timeoutHeight?: number;
}

/** A transaction built and ready to sign. `body` is the driver's own serialisation, stored as text. */
export interface Unsigned {
  readonly chain: string;
  readonly body: string;
  /** The most the network can charge for it, in the chain's fee asset. */
  readonly feeMax: Money;
  /** What it does, decoded back from `body` for the signer's own check, change excluded. */
  readonly outputs: readonly Output[];
  readonly call?: ContractCall;
}

export interface Signed {
  readonly txId: string;
  /** Bytes for `broadcast`, hex or base64 as the driver wants them. */
  readonly raw: string;
}

/** A rejected broadcast is not proof that the transaction can never confirm: only `find` and anchors give that. */
export type BroadcastOutcome =
  | { readonly kind: 'pending' }
  | {
      readonly kind: 'refused';
      readonly code: 'fee-too-low' | 'conflict' | 'funds' | 'sequence' | 'invalid' | 'other';
      readonly reason: string;
    };

/** What the chain says of a transaction of ours. */
export type TxOutcome =
  | { readonly kind: 'pending' }
  /** In a block. `success` false: it was included and failed; its anchor and fee are gone. */
  | {
      readonly kind: 'included';
      readonly success: boolean;
      readonly block: Pick<BlockRef, 'height' | 'hash' | 'time'>;
      readonly confirmations: number;
      readonly final: boolean;
      readonly fee: Money;
      /** Change output created for us, Bitcoin only. */
      readonly change: Coin | null;
      readonly reason: string | null;
    }
  /** Not known to the node, in no block and no mempool. */
  | { readonly kind: 'unknown' };

/** Who used an anchor, if anyone has. */
export type AnchorOutcome =
  | { readonly kind: 'free' }
  /**
   * Used by a transaction in a block, `final` once that block is. `txId` names it; null where the chain cannot, and then
   * it is no evidence against a transaction of ours.
   */
  | { readonly kind: 'used'; readonly final: boolean; readonly txId: string | null };

/** Proof that someone holds the key of an address. */
export interface OwnershipProof {
  readonly address: string;
  /** Public key, base64. */
  readonly pubkey: string;
  /** Signature, base64. */
  readonly signature: string;
  /** The text that was signed. */
  readonly data: string;
}

/** One driver file a chain family under `chains/`. Nothing here writes to our database; nothing keeps state that matters. */
export abstract class Chain {
  /** `bitcoin`, `ethereum`, `akash`, ... : the chain part of asset ids. */
  abstract readonly id: string;
  abstract readonly family: 'bitcoin' | 'evm' | 'handshake' | 'akash';
  abstract readonly assets: readonly Asset[];
  /** What its network fees are paid in. */
  abstract readonly feeAsset: Asset;

  /** Refuses (throws) unless the node is the network the config names: genesis or chain id, token contracts and decimals. */
  abstract verify(): Promise<void>;
  abstract tip(): Promise<BlockRef>;
  /** Greatest height that counts as final: the `finalized` tag, or tip less `finalDepth`; one block on Cosmos. */
  abstract finalHeight(): Promise<number>;
  abstract blockRef(height: number): Promise<BlockRef | null>;
  /** The block with the transfers that arrive at watched addresses; null when the node has none at that height. */
  abstract block(height: number, watched: WatchList): Promise<ChainBlock | null>;
  /** Unconfirmed transfers to watched addresses now in the node's mempool; empty where the chain has no use for it. */
  abstract mempool(watched: WatchList): Promise<readonly IncomingTransfer[]>;
  /** The key `WatchList.has` is asked with for an address (scriptPubKey hex, 20-byte hex, bech32 text). */
  abstract watchKey(address: string): string;

  /** Checks network, form and checksum. Module, token and zero addresses are invalid. */
  abstract checkAddress(text: string): AddressCheck;
  /** The address money for one purpose goes to; same input, same address. `index` for xpub chains, `salt` (32-byte hex) for EVM. */
  abstract depositAddress(index: number, salt: string): { readonly address: string; readonly path: string };
  /**
   * The wallet's own address at a path below its account key: `1/3` is a Bitcoin change address, `0/0` the hot wallet on
   * Akash. EVM has one wallet address and gives it for every path.
   */
  abstract addressAt(path: string): string;
  /**
   * One call that moves all units of an asset from the deposit addresses of these salts to the hot wallet; null where
   * deposits are spent with a key.
   */
  sweepCall(_asset: AssetId, _salts: readonly string[]): ContractCall | null {
    return null;
  }
  /** BIP-21, EIP-681, or the chain's own URI scheme. */
  abstract paymentUri(address: string, amount: Money, label: string): string;

  /**
   * The call that must be final before `spender` may take `units` of a token from `owner`; null when it may already.
   * Ask again after each: some tokens take two. Always null on chains without allowances.
   */
  allowanceCall(_allowance: {
    readonly owner: string;
    readonly token: string;
    readonly spender: string;
    readonly units: bigint;
  }): Promise<ContractCall | null> {
    return Promise.resolve(null);
  }

  /** Current price per unit of size or gas for inclusion in about `targetBlocks`; the unit is the driver's own. */
  abstract feeRate(targetBlocks: number): Promise<bigint>;
  /** The least `feeRate` at which nodes take a replacement of an attempt with the same anchor: 12.5 % more. */
  replacementRate(feeRate: bigint): bigint {
    return feeRate + feeRate / 8n + 1n;
  }
  /** Estimated fee of a plain payment with that many inputs and outputs (in `feeAsset`). */
  abstract estimateFee(
    shape: { readonly inputs: number; readonly outputs: number; readonly asset: AssetId },
    feeRate: bigint,
  ): Money;
  /** Next unused nonce or sequence of a signer as the chain sees it at its tip, unconfirmed ones excluded; null on coin chains. */
  abstract nextSlot(signer: string): Promise<bigint | null>;
  abstract build(request: SendRequest): Promise<Unsigned>;
  /** Decodes `body` again, independently of who built it. The signer checks this against its policy. */
  abstract decode(body: string): {
    readonly outputs: readonly Output[];
    readonly call?: ContractCall;
    readonly feeMax: Money;
  };
  /** Pure signing, no network. `secret` is the wallet's account key (xprv or 32-byte hex); deterministic. */
  abstract sign(unsigned: Unsigned, secret: string): Promise<Signed>;
  abstract broadcast(raw: string): Promise<BroadcastOutcome>;
  /** With its anchor a coin chain also names the change, and the fee without the node's help. */
  abstract find(txId: string, anchor?: Anchor): Promise<TxOutcome>;
  abstract anchor(anchor: Anchor): Promise<AnchorOutcome>;
  /** What addresses or coins hold at a height (the final one when null), for `reconcile`. */
  abstract holding(
    of: { readonly addresses: readonly string[]; readonly coins: readonly Coin[] },
    asset: AssetId,
    height: number | null,
  ): Promise<{ readonly units: bigint; readonly height: number }>;

  /** Whether the proof is by the address's own key, on chains that have such a standard. Never throws for bad input. */
  verifyOwnership?(proof: OwnershipProof): boolean;
}
