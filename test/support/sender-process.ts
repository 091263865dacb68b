import { Chains } from '../../src/adapters/chains/index.ts';
import { startSender } from './wallets.ts';

export interface SenderProcessOptions {
  readonly appUrl: string;
  readonly keyFile: string;
  readonly settings: Readonly<Record<string, string>>;
}

const PAUSE_MS = 50;

/** Works as a worker does, round after round, until it is told to stop, or killed at a crash point. */
export async function run(options: SenderProcessOptions): Promise<void> {
  const sender = await startSender({ ...options, chains: (config) => Chains.from(config).all() });
  await sender.chains.verify();
  let running = true;
  process.once('SIGTERM', () => {
    running = false;
  });
  process.stdout.write('ready\n');
  while (running) {
    await sender.wallets.advance();
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  await sender.close();
}
