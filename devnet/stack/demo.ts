import { Api } from './api.ts';
import { dataFolder, readSecrets, runningStack, StackError } from './data-folder.ts';
import { play } from './play.ts';
import { endWith, Progress } from './progress.ts';

/** `npm run demo`: plays the two leases against the stack that runs. */
async function main(): Promise<void> {
  const folder = dataFolder();
  const state = runningStack(folder);
  const key = readSecrets(folder)?.tenantKey;
  if (key === undefined) throw new StackError('the stack is still starting');
  const progress = new Progress();
  await play({
    api: new Api(state.url, key),
    folder,
    state,
    tell: (text) => progress.line(text),
    wait: (text) => progress.step(text),
  });
  process.exit(0);
}

main().catch((error: unknown) => endWith('demo', error));
