/** One measured ratio and what is asked of it. */
export interface Gate {
  readonly what: string;
  readonly measured: number;
  readonly asked: number;
  /** Whether the ratio should be at least or at most what is asked. */
  readonly sense: 'least' | 'most';
  /** The absolute figures behind it. */
  readonly figures: string;
}

/** Prints measured ratios beside what is asked of them. Speed depends on the machine, so a miss is shown, not thrown. */
export function printGates(title: string, gates: readonly Gate[]): void {
  const rows = gates.map(({ what, measured, asked, sense, figures }) => {
    const met = sense === 'least' ? measured >= asked : measured <= asked;
    const bound = `${sense === 'least' ? '>=' : '<='} ${asked}`;
    return [what, measured.toFixed(2), bound, met ? 'met' : 'MISSED', figures];
  });
  const table = [['case', 'ratio', 'asked', '', 'figures'], ...rows];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...table.map((row) => (row[column] ?? '').length)));
  const lines = table.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  process.stdout.write(`\n${title}\n${lines.join('\n')}\n`);
}
