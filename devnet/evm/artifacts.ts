import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { type InterfaceAbi, Interface } from 'ethers';

export interface Artifact {
  readonly contract: Interface;
  readonly bytecode: string;
}

/** One of our own contracts, as contracts/compile.mjs built it. */
export function ownArtifact(name: string): Artifact {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'contracts', 'build'))) {
    if (dirname(folder) === folder) throw new Error('contracts/build is missing: run scripts/setup.mjs');
    folder = dirname(folder);
  }
  return readArtifact(join(folder, 'contracts', 'build', `${name}.json`));
}

/** A contract published in an npm package, by its path there. */
export function packageArtifact(path: string): Artifact {
  return readArtifact(createRequire(import.meta.url).resolve(path));
}

function readArtifact(file: string): Artifact {
  const { abi, bytecode } = JSON.parse(readFileSync(file, 'utf8')) as { abi: InterfaceAbi; bytecode: string };
  return { contract: new Interface(abi), bytecode };
}
