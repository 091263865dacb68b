type Crash = (name: string) => void;

const inert: Crash = () => {};

/**
 * Marks a place where a crash must do no harm. Does nothing unless the process was started with `LOCKSTEP_CRASHPOINT`
 * outside production; then the named place, at its n-th passing (`name:n`, first by default), kills the process as
 * SIGKILL does: no handler, no flush.
 */
export const crashpoint: Crash = armed(process.env);

/** The crash function for an environment; inert in production whatever else is set. */
export function armed(env: Readonly<Record<string, string | undefined>>): Crash {
  const wanted = env['LOCKSTEP_CRASHPOINT'];
  if (env['NODE_ENV'] === 'production' || wanted === undefined || wanted === '') return inert;
  const [name, nth = '1'] = wanted.split(':');
  let left = Number(nth);
  return (passed) => {
    if (passed !== name) return;
    left -= 1;
    if (left === 0) process.kill(process.pid, 'SIGKILL');
  };
}
