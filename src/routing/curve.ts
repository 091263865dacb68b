import type { AssetId } from '../money/asset.ts';
import { divide } from '../money/rate.ts';

/** What a swap of so much costs against the mid, both in the asset that goes in. */
export interface CurvePoint {
  readonly units: bigint;
  readonly costUnits: bigint;
}

/** The depth of one pair at one moment: the cheapest venue's cost at growing sizes. */
export interface DepthCurve {
  readonly from: AssetId;
  readonly to: AssetId;
  /** By size, smallest first; never cheaper at a larger size. */
  readonly points: readonly CurvePoint[];
  readonly venue: string;
  readonly asOf: Date;
}

/**
 * Cost of a size on a curve, rounded up; null beyond its largest size. Between two sizes it lies on the line between
 * them, which is never below a cost that grows faster than the size.
 */
export function costOn(points: readonly CurvePoint[], units: bigint): bigint | null {
  let below: CurvePoint = { units: 0n, costUnits: 0n };
  for (const point of points) {
    if (units <= point.units) {
      const [rise, run] = [point.costUnits - below.costUnits, point.units - below.units];
      return below.costUnits + divide(rise * (units - below.units), run, 'ceil');
    }
    below = point;
  }
  return null;
}

/** Points in order of size, each at least as dear as the one before. */
export function monotone(points: readonly CurvePoint[]): CurvePoint[] {
  const sorted = points.filter(({ units }) => units > 0n).sort((a, b) => (a.units < b.units ? -1 : 1));
  const result: CurvePoint[] = [];
  for (const point of sorted) {
    const before = result.at(-1);
    if (before?.units === point.units) continue;
    result.push({
      ...point,
      costUnits: before !== undefined && before.costUnits > point.costUnits ? before.costUnits : point.costUnits,
    });
  }
  return result;
}
