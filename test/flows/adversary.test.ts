import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Outcome, play, usd } from '../support/adversary-run.ts';
import { breakRefunds, breakTimes, playScene } from '../support/adversary-scenes.ts';
import { startWorld, type World } from '../support/adversary.ts';

// A seed is a second of work for this machine and its database alone, and many when others use them too.
vi.setConfig({ testTimeout: 300_000 });

let world: World;

beforeAll(async () => {
  world = await startWorld();
});
afterEach(() => {
  vi.restoreAllMocks();
});
afterAll(async () => {
  await world.stop();
});

/** `LOCKSTEP_SEED` replays one seed. Else as many new ones as a slow machine has time for, between these. */
const GIVEN = process.env['LOCKSTEP_SEED'];
const [RUNS_MIN, RUNS_MAX, ENOUGH_MS] = [3, 24, 30_000];

const line = ({ seed, mode, strategy, gain, allowed, exposure, gains, replies }: Outcome) =>
  `LOCKSTEP_SEED=${seed} ${mode}, ${strategy}: gained ${usd(gain)} of ${usd(allowed)} allowed, ${gains} steps with a ` +
  `gain, exposure ${usd(exposure)}, replies ${JSON.stringify([...replies])}`;

test('one person who is everybody and knows every price gains no more than his locks allow', async () => {
  const began = performance.now();
  for (let run = 0; run < RUNS_MIN || (run < RUNS_MAX && performance.now() - began < ENOUGH_MS); run += 1) {
    const seed = GIVEN === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(GIVEN);
    // Before it is played, so that one that hangs or throws can be replayed too.
    process.stdout.write(`adversary: LOCKSTEP_SEED=${seed}\n`);
    const outcome = await play(world, seed);
    process.stdout.write(`adversary: ${line(outcome)}\n`);
    expect(outcome.violations, line(outcome)).toEqual([]);
    if (GIVEN !== undefined) break;
  }
});

describe('the measure', () => {
  test('allows the window that was open, and sees the gain in it', async () => {
    const outcome = await playScene(world, 'pays in time when the price has fallen');
    expect(outcome.violations, line(outcome)).toEqual([]);
    // A tenth of 3,000 dollars less the premium: the bound is as wide as the option, and no wider.
    expect(outcome.gain).toBeGreaterThan((outcome.allowed * 9n) / 10n);
    expect(outcome.allowed).toBeGreaterThan(0n);
  });

  test('finds late money credited at the locked rate', async () => {
    const whole = await playScene(world, 'pays too late when the price has fallen');
    expect(whole.violations, line(whole)).toEqual([]);
    breakTimes(world);
    const broken = await playScene(world, 'pays too late when the price has fallen');
    expect(broken.violations.join(), line(broken)).toContain('gained');
  });

  test('finds refunds at the locked rate', async () => {
    const whole = await playScene(world, 'closes when what was bought has fallen');
    expect(whole.violations, line(whole)).toEqual([]);
    breakRefunds(world);
    const broken = await playScene(world, 'closes when what was bought has fallen');
    expect(broken.violations.join(), line(broken)).toContain('on chain');
  });
});
