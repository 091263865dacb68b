// Executes a Dockerfile without Docker: each stage is an empty folder, COPY copies, RUN runs in bash with the stage's
// ENV and nothing of ours but PATH, HOME and the registry's settings. Takes the instructions our Dockerfile uses and
// refuses others. Absolute paths of a RUN line would leave the folder, so those are refused too.
// Usage: node scripts/ci/run-dockerfile.mjs <Dockerfile> <empty folder>; a stage's root is <folder>/<its name>.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

const [dockerfile, target] = process.argv.slice(2);
const context = dirname(resolve(dockerfile));
const stages = new Map();
let stage;

/** What `COPY . .` would send to Docker: the files git knows or would add. */
function contextFiles() {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: context,
    encoding: 'utf8',
  });
  return listed.split('\0').filter((name) => name !== '' && statSync(join(context, name), { throwIfNoEntry: false }));
}

const inStage = (path) => (path.startsWith('/') ? join(stage.root, path) : join(stage.root, stage.workdir, path));

const INSTRUCTIONS = {
  FROM(text) {
    const [, name] = /^\S+\s+AS\s+(\S+)$/i.exec(text) ?? fail(`FROM ${text}`);
    stage = { root: join(target, name), workdir: '/', env: {} };
    mkdirSync(stage.root, { recursive: true });
    stages.set(name, stage);
  },
  ENV(text) {
    const [, name, value] = /^(\w+)=(\S*)$/.exec(text) ?? fail(`ENV ${text}`);
    stage.env[name] = value;
  },
  WORKDIR(text) {
    stage.workdir = text;
    mkdirSync(inStage('.'), { recursive: true });
  },
  COPY(text) {
    const [, from, paths] = /^(?:--from=(\S+)\s+)?(.+)$/.exec(text);
    const sources = paths.split(/\s+/);
    const destination = sources.pop();
    for (const source of sources) {
      if (from !== undefined) copy(join((stages.get(from) ?? fail(`COPY ${text}`)).root, source), destination);
      else copyContext(source, destination);
    }
  },
  RUN(text) {
    if (/(^|\s)\/\w/.test(text)) fail(`RUN with an absolute path: ${text}`);
    const kept = Object.entries(process.env).filter(([name]) =>
      /^(PATH|HOME|npm_config_\w+|\w*CA_CERTS|\w*proxy)$/i.test(name),
    );
    process.stderr.write(`RUN ${text}\n`);
    execFileSync('bash', ['-euc', text], {
      cwd: inStage('.'),
      env: { ...Object.fromEntries(kept), ...stage.env },
      stdio: ['ignore', 2, 2],
    });
  },
  USER: () => {},
  EXPOSE: () => {},
  CMD: () => {},
};

/** A file into a folder or under a new name; a folder's contents into a folder. */
function copy(source, destination) {
  const place = inStage(destination);
  const intoFolder = destination.endsWith('/') || destination === '.' || destination === './';
  cpSync(source, statSync(source).isDirectory() || !intoFolder ? place : join(place, basename(source)), {
    recursive: true,
  });
}

function copyContext(source, destination) {
  if (!statSync(join(context, source)).isDirectory()) return copy(join(context, source), destination);
  const folder = source === '.' ? '' : `${source}/`;
  for (const name of contextFiles()) {
    if (name.startsWith(folder)) cpSync(join(context, name), join(inStage(destination), name.slice(folder.length)));
  }
}

function fail(what) {
  process.stderr.write(`${dockerfile}: cannot execute ${what}\n`);
  process.exit(1);
}

for (const line of readFileSync(dockerfile, 'utf8').replace(/\\\n/g, ' ').split('\n')) {
  if (line.trim() === '' || line.startsWith('#')) continue;
  const [, instruction, text] = /^(\w+)\s+(.*)$/.exec(line) ?? fail(line);
  (INSTRUCTIONS[instruction] ?? (() => fail(line)))(text.trim());
}
