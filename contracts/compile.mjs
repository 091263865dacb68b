// Compiles contracts/src with the solc package, offline, into contracts/build/<Name>.json: {abi, bytecode,
// deployedBytecode}. Run by scripts/setup.mjs. The settings are fixed: they decide the forwarder's creation code and
// with it every deposit address.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import solc from 'solc';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, 'src');
const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((file) => file.name.endsWith('.sol'));
const sources = Object.fromEntries(
  files.map((file) => {
    const path = join(file.parentPath, file.name);
    return [relative(root, path), { content: readFileSync(path, 'utf8') }];
  }),
);
const input = {
  language: 'Solidity',
  sources,
  settings: {
    evmVersion: 'cancun',
    optimizer: { enabled: true, runs: 10_000 },
    metadata: { bytecodeHash: 'none', appendCBOR: false },
    outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object', 'evm.deployedBytecode.object'] } },
  },
};
const output = JSON.parse(solc.compile(JSON.stringify(input)));
const messages = output.errors ?? [];
if (messages.length > 0) {
  process.stderr.write(messages.map((message) => message.formattedMessage).join('\n'));
  process.exit(1);
}
const build = join(here, 'build');
rmSync(build, { recursive: true, force: true });
mkdirSync(build);
for (const contracts of Object.values(output.contracts)) {
  for (const [name, { abi, evm }] of Object.entries(contracts)) {
    const artifact = {
      abi,
      bytecode: `0x${evm.bytecode.object}`,
      deployedBytecode: `0x${evm.deployedBytecode.object}`,
    };
    writeFileSync(join(build, `${name}.json`), `${JSON.stringify(artifact)}\n`);
  }
}
