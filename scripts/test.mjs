// `npm test [-- files]`: runs vitest and ends with one plain line, `N passed, N failed`, and an exit status to match.
// vitest's own summary is coloured even in a pipe and does not count a file that fails to load or an error after the
// last test, so the line is counted from its JSON report, its exit status included.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Tests that passed and failed by a vitest JSON report; a failed file without a failed test counts as one. */
function count({ testResults }) {
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
  const broken = testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && assertionResults.every((result) => result.status !== 'failed'),
  );
  const failed = tests.filter(({ status }) => status === 'failed').length;
  return { passed: tests.filter(({ status }) => status === 'passed').length, failed: failed + broken.length };
}

const folder = mkdtempSync(join(tmpdir(), 'lockstep-test-report-'));
const report = join(folder, 'vitest.json');
const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
const { status, signal } = spawnSync('vitest', ['run', ...reporters, ...process.argv.slice(2)], { stdio: 'inherit' });
const counted = existsSync(report) ? count(JSON.parse(readFileSync(report, 'utf8'))) : { passed: 0, failed: 0 };
rmSync(folder, { recursive: true, force: true });
if (status !== 0 && counted.failed === 0) {
  process.stdout.write(`vitest ended with ${signal ?? `status ${status}`} although no test failed\n`);
  counted.failed = 1;
}
process.stdout.write(`${counted.passed} passed, ${counted.failed} failed\n`);
process.exitCode = counted.failed === 0 && counted.passed > 0 ? 0 : 1;
