import type { AssetId } from '../../money/asset.ts';
import type { Pair } from './exchange.ts';

/** The markets of one vendor that are asked, by asset. */
export type PairTable = Readonly<Record<AssetId, Pair>>;

const usd = (name: string): Pair => ({ name, quote: 'USD' });
const tether = (name: string): Pair => ({ name, quote: 'USDT.ethereum' });

/**
 * Markets each vendor has. Coinbase has no USDC/USD (it exchanges both at par), KuCoin quotes in USDT and has no USDT/USD,
 * Bitstamp has no AKT.
 */
export const MARKET_PAIRS: Readonly<Record<string, PairTable>> = {
  kraken: {
    BTC: usd('XXBTZUSD'),
    ETH: usd('XETHZUSD'),
    AKT: usd('AKTUSD'),
    'USDC.ethereum': usd('USDCUSD'),
    'USDT.ethereum': usd('USDTZUSD'),
    'DAI.ethereum': usd('DAIUSD'),
  },
  coinbase: {
    BTC: usd('BTC-USD'),
    ETH: usd('ETH-USD'),
    AKT: usd('AKT-USD'),
    'USDT.ethereum': usd('USDT-USD'),
    'DAI.ethereum': usd('DAI-USD'),
  },
  kucoin: {
    BTC: tether('BTC-USDT'),
    ETH: tether('ETH-USDT'),
    AKT: tether('AKT-USDT'),
    'USDC.ethereum': tether('USDC-USDT'),
  },
  bitstamp: {
    BTC: usd('btcusd'),
    ETH: usd('ethusd'),
    'USDC.ethereum': usd('usdcusd'),
    'USDT.ethereum': usd('usdtusd'),
    'DAI.ethereum': usd('daiusd'),
  },
};
