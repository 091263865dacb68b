/** Misbehaviour switched on for a test; none of it outlives a restart. */
export interface Faults {
  /** The next broadcast is accepted and its connection cut before the answer. */
  loseNextAnswer: boolean;
  /** Blocks by which `tx` and `tx_search` lag behind. */
  indexLag: number;
}

export const noFaults = (): Faults => ({ loseNextAnswer: false, indexLag: 0 });
