import { spawnSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { armed } from '../../src/platform/crashpoint.ts';

describe('a crash point', () => {
  const kill = vi.spyOn(process, 'kill');
  beforeEach(() => void kill.mockReset().mockReturnValue(true));
  afterEach(() => void kill.mockReset());

  it.each([
    ['in production, though one is named', { NODE_ENV: 'production', LOCKSTEP_CRASHPOINT: 'x' }],
    ['outside production, where none is named', { NODE_ENV: 'test' }],
    ['where an empty one is named', { LOCKSTEP_CRASHPOINT: '' }],
    ['where another is named', { NODE_ENV: 'test', LOCKSTEP_CRASHPOINT: 'xy' }],
  ])('does nothing %s', (_where, env) => {
    const crash = armed(env);
    for (let passing = 0; passing < 3; passing += 1) crash('x');
    expect(kill).not.toHaveBeenCalled();
  });

  it.each([
    ['x', 1],
    ['x:1', 1],
    ['x:3', 3],
  ])('named as %s kills its process at passing number %i', (named, nth) => {
    const crash = armed({ NODE_ENV: 'test', LOCKSTEP_CRASHPOINT: named });
    crash('y');
    for (let passing = 1; passing < nth; passing += 1) crash('x');
    expect(kill).not.toHaveBeenCalled();
    crash('x');
    expect(kill.mock.calls).toEqual([[process.pid, 'SIGKILL']]);
  });

  /** A process that passes one crash point between two lines it prints, with an exit handler that prints a third. */
  const pass = (env: Readonly<Record<string, string>>) => {
    const script = `
      process.on('exit', () => console.log('exit'));
      const { crashpoint } = await import('./src/platform/crashpoint.ts');
      console.log('before');
      crashpoint('x');
      console.log('after');`;
    const args = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script];
    const { signal, status, stdout } = spawnSync(process.execPath, args, { env, encoding: 'utf8' });
    return { signal, status, lines: stdout.trim().split('\n') };
  };

  it('ends a real process as SIGKILL does: no handler, nothing after it', () => {
    const ended = pass({ NODE_ENV: 'test', LOCKSTEP_CRASHPOINT: 'x' });
    expect(ended).toEqual({ signal: 'SIGKILL', status: null, lines: ['before'] });
  });

  it('leaves the same process alone in production', () => {
    const ended = pass({ NODE_ENV: 'production', LOCKSTEP_CRASHPOINT: 'x' });
    expect(ended).toEqual({ signal: null, status: 0, lines: ['before', 'after', 'exit'] });
  });
});
