import { dataFolder, runningStack, StackError } from './data-folder.ts';
import { endWith } from './progress.ts';
import { payUri } from './payment.ts';

/** `npm run pay -- <payment URI>`: pays from the development wallet and prints the transaction id. */
async function main([uri]: readonly string[]): Promise<void> {
  if (uri === undefined) throw new StackError('usage: npm run pay -- <payment URI>');
  const folder = dataFolder();
  process.stdout.write(`${await payUri(folder, runningStack(folder), uri)}\n`);
}

main(process.argv.slice(2)).catch((error: unknown) => endWith('pay', error));
