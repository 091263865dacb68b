import { z } from 'zod';
import { divide } from '../../../money/rate.ts';

/** A pool by its tokens (lower-case addresses) and fee in hundredths of a basis point. */
export interface Pool {
  readonly tokens: readonly [string, string];
  readonly fee: number;
}

/** One step of a path: `from` is sold for `to` in the pool of that fee. */
export interface Hop {
  readonly from: string;
  readonly to: string;
  readonly fee: number;
}

const FEE_SCALE = 1_000_000n;

const detailSchema = z.strictObject({ path: z.string().regex(/^0x([0-9a-f]{40})([0-9a-f]{46}){1,2}$/) });

/** Every path over one or two pools. A token is not passed twice. */
export function pathsBetween(pools: readonly Pool[], from: string, to: string): Hop[][] {
  if (from === to) return [];
  const direct = hopsFrom(pools, from).filter((hop) => hop.to === to);
  const viaOne = hopsFrom(pools, from)
    .filter((hop) => hop.to !== to)
    .flatMap((first) => hopsFrom(pools, first.to).flatMap((second) => (second.to === to ? [[first, second]] : [])));
  return [...direct.map((hop) => [hop]), ...viaOne];
}

/** The router's form of a path: token, fee as three bytes, token, ... */
export function encodePath(path: readonly Hop[]): string {
  const [first] = path;
  if (first === undefined) throw new Error('a path has at least one pool');
  return path.reduce((text, { fee, to }) => text + fee.toString(16).padStart(6, '0') + to.slice(2), first.from);
}

/** The path in a quote's own data. @throws when it is not one of ours. */
export function decodePath(detail: unknown): Hop[] {
  const { path } = detailSchema.parse(detail);
  const hops = Math.floor((path.length - 42) / 46);
  return Array.from({ length: hops }, (_, n) => {
    const at = 2 + n * 46;
    const token = (start: number) => `0x${path.slice(start, start + 40)}`;
    return { from: token(at), fee: Number.parseInt(path.slice(at + 40, at + 46), 16), to: token(at + 46) };
  });
}

/** What the pools of a path keep of an input, in input units, rounded down. */
export function feeUnits(path: readonly Hop[], units: bigint): bigint {
  const keep = path.reduce((rest, { fee }) => rest * (FEE_SCALE - BigInt(fee)), 1n);
  return units - divide(units * keep, FEE_SCALE ** BigInt(path.length), 'ceil');
}

function hopsFrom(pools: readonly Pool[], from: string): Hop[] {
  return pools.flatMap(({ tokens: [a, b], fee }) => {
    if (a === from) return [{ from, to: b, fee }];
    return b === from ? [{ from, to: a, fee }] : [];
  });
}
