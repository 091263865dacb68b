/** What transactions read and write: text by key. */
export interface State {
  get(key: string): string | undefined;
  set(key: string, value: string): void;
}

/** Writes held back from a state until `commit`, so that a failed transaction leaves nothing behind. */
export class Branch implements State {
  readonly #parent: State;
  readonly #writes = new Map<string, string>();

  constructor(parent: State) {
    this.#parent = parent;
  }

  get(key: string): string | undefined {
    return this.#writes.get(key) ?? this.#parent.get(key);
  }

  set(key: string, value: string): void {
    this.#writes.set(key, value);
  }

  /** Applies the writes to the parent. */
  commit(): void {
    for (const [key, value] of this.#writes) this.#parent.set(key, value);
  }

  /** The writes, sorted by key. */
  writes(): readonly (readonly [string, string])[] {
    return [...this.#writes].sort(([a], [b]) => (a < b ? -1 : 1));
  }
}

/** Every value every key ever had, by height: answers queries about past heights as an archive node does. */
export class History {
  readonly #versions = new Map<string, { readonly height: number; readonly value: string }[]>();

  record(height: number, writes: readonly (readonly [string, string])[]): void {
    for (const [key, value] of writes) {
      const versions = this.#versions.get(key);
      if (versions) versions.push({ height, value });
      else this.#versions.set(key, [{ height, value }]);
    }
  }

  /** The state right after the block of that height. */
  at(height: number): State {
    return {
      get: (key) => this.#versions.get(key)?.findLast((version) => version.height <= height)?.value,
      set: () => {
        throw new Error('a past state is read-only');
      },
    };
  }

  keys(prefix: string): string[] {
    return [...this.#versions.keys()].filter((key) => key.startsWith(prefix)).sort();
  }
}
