import { Injectable } from '@nestjs/common';
import { Chains } from '../adapters/chains/index.ts';

/** Blocks a measurement spans. */
const SPAN = 100;
const CHAIN = 'akash';
/** What is taken while the chain is too young to measure, or its blocks carry no usable times. */
const NOMINAL_US = 6_000_000n;
const LEAST_US = 100_000n;
const MOST_US = 60_000_000n;

/** The time of one Akash block, measured over recent blocks in the background. */
@Injectable()
export class BlockTime {
  private measuredUs: bigint = NOMINAL_US;

  constructor(private readonly chains: Chains) {}

  /** Measures again. */
  async refresh(): Promise<void> {
    if (!this.chains.has(CHAIN)) return;
    const chain = this.chains.get(CHAIN);
    const tip = await chain.tip();
    const span = Math.min(SPAN, tip.height - 1);
    const first = span < 1 ? null : await chain.blockRef(tip.height - span);
    if (first === null) return;
    const us = (BigInt(tip.time.getTime() - first.time.getTime()) * 1000n) / BigInt(span);
    if (us >= LEAST_US && us <= MOST_US) this.measuredUs = us;
  }

  /** Microseconds. */
  get us(): bigint {
    return this.measuredUs;
  }
}
