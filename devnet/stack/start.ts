import { Api } from './api.ts';
import { dataFolder, type StackSecrets, type StackState, writeSecrets } from './data-folder.ts';
import { play } from './play.ts';
import { endWith, Progress } from './progress.ts';
import { apiPort } from './port.ts';
import { Stack } from './stack.ts';

/** `npm start`: the whole service on this machine, with local chains; until Ctrl-C. */
async function main(): Promise<void> {
  const progress = new Progress();
  const folder = dataFolder();
  const port = await apiPort(process.env['PORT']);
  const stack = new Stack(folder, port, progress);
  const asked = new Promise<'stop'>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve('stop'));
  });
  try {
    const run = async () => {
      const started = await stack.start();
      await show(folder, started, progress);
      return 'running' as const;
    };
    if ((await Promise.race([run(), asked, stack.broken])) === 'running') await Promise.race([asked, stack.broken]);
    progress.line('ending');
  } catch (error) {
    await stack.stop().catch(() => undefined);
    throw error;
  }
  await stack.stop();
  process.exit(0);
}

async function show(
  folder: string,
  { state, secrets }: { state: StackState; secrets: StackSecrets },
  progress: Progress,
): Promise<void> {
  const key = secrets.tenantKey ?? '';
  progress.line(`Lockstep answers at ${state.url}`);
  if (secrets.demoPlayed !== true) {
    const [tell, wait] = [(text: string) => progress.line(text), (text: string) => progress.step(text)];
    await play({ api: new Api(state.url, key), folder, state, tell, wait });
    writeSecrets(folder, { ...secrets, demoPlayed: true });
  }
  for (const line of instructions(state.url, key)) progress.line(line);
}

function instructions(url: string, key: string): string[] {
  const post = (path: string, body: object) =>
    `  curl -s ${url}${path} -H 'Authorization: Bearer ${key}' -H "Idempotency-Key: $(date +%s%N)" -H 'Content-Type: application/json' -d '${JSON.stringify(body)}'`;
  const line = {
    payee: { address: 'akash15yk64u7zc9g9k2yr2wmzeva5qgwxps6ytfzgqy' },
    price: { amount: '500000', per: 'block' },
  };
  const lease = {
    quoteId: 'quo_…',
    lease: { reference: 'my first lease' },
    refundAddress: 'bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080',
  };
  return [
    '',
    `API            ${url}`,
    `documentation  ${url}/docs`,
    `API key        ${key}`,
    '',
    'a quote:',
    post('/v1/quotes', { payAsset: 'BTC', fix: 'duration', blocks: 1000, lines: [line] }),
    'a lease, with the id of that quote:',
    post('/v1/leases', lease),
    'its payment, with the paymentUri of that lease:',
    "  npm run pay -- '<payment URI>'",
    '',
    'npm run demo plays two leases again; Ctrl-C ends everything.',
  ];
}

main().catch((error: unknown) => endWith('lockstep', error));
