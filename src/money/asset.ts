/**
 * One denomination on one chain. The id is the ticker, or `ticker.chain` where a ticker lives on several chains
 * (`BTC`, `AKT`, `USDC.ethereum`).
 */
export interface Asset {
  readonly id: AssetId;
  readonly ticker: string;
  /** Id of the chain it lives on: `bitcoin`, `ethereum`, `akash`, ... */
  readonly chain: string;
  /** Digits after the point of one whole unit; 0 to 18. */
  readonly decimals: number;
  /** Contract address (EVM) or bank denom (Cosmos); null for a chain's native coin on Bitcoin-like chains and EVM gas. */
  readonly reference: string | null;
  /** CAIP-19 id. https://chainagnostic.org/CAIPs/caip-19 */
  readonly caip19: string;
}

export type AssetId = string;
