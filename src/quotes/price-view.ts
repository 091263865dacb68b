import { z } from 'zod';
import type { AcceptedPrice } from '../markets/price.ts';
import { formatRatio } from '../money/codec.ts';
import type { Ratio } from '../money/rate.ts';

/** Digits shown of a USD price; rules compute with the exact ratio. */
const PRICE_PLACES = 12;

const usd = z.string().meta({ description: `USD for one whole unit, cut after ${PRICE_PLACES} decimals` });
const ageMs = z.int().meta({ description: 'Age at the quote, milliseconds' });

/** A price a quote was made of, and what each source said. */
export const usedPriceView = z.strictObject({
  asset: z.string(),
  mid: usd,
  bid: usd,
  ask: usd,
  uncertaintyBps: z.int(),
  evidenceId: z.string(),
  observedAt: z.string(),
  ageMs,
  sources: z.array(
    z.strictObject({ source: z.string(), bid: usd, ask: usd, observedAt: z.string(), used: z.boolean(), ageMs }),
  ),
});

type UsedPrice = z.output<typeof usedPriceView>;

/** Prices with their ages at a moment. Sources that said nothing are left out. */
export const shownPrices = (prices: readonly AcceptedPrice[], at: Date): UsedPrice[] =>
  prices.map((price) => ({
    asset: price.asset,
    mid: text(price.mid),
    bid: text(price.bid),
    ask: text(price.ask),
    uncertaintyBps: price.uncertaintyBps,
    evidenceId: price.evidenceId,
    observedAt: price.oldestObservedAt.toISOString(),
    ageMs: at.getTime() - price.oldestObservedAt.getTime(),
    sources: price.inputs.flatMap(({ source, reading }) =>
      reading === null
        ? []
        : [
            {
              source,
              bid: text(reading.bid),
              ask: text(reading.ask),
              observedAt: reading.observedAt.toISOString(),
              used: price.used.includes(source),
              ageMs: at.getTime() - reading.observedAt.getTime(),
            },
          ],
    ),
  }));

const texts = new WeakMap<Ratio, string>();

function text(price: Ratio): string {
  const known = texts.get(price) ?? formatRatio(price, PRICE_PLACES);
  texts.set(price, known);
  return known;
}
