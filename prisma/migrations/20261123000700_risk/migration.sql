-- risk: what open rate locks could cost the desk, and the caps on it. USD in micro-dollars.

CREATE TABLE exposures (
  lock_id             text NOT NULL,
  kind                text NOT NULL CHECK (kind IN ('window', 'right', 'unhedged', 'unreleased')),
  asset               text NOT NULL,
  tenant_id           text NOT NULL,
  notional_usd_micros numeric(78,0) NOT NULL CHECK (notional_usd_micros >= 0),
  stress_usd_micros   numeric(78,0) NOT NULL CHECK (stress_usd_micros >= 0),
  -- When the row is released by itself; null while something else decides.
  until               timestamptz,
  PRIMARY KEY (lock_id, kind)
);
CREATE INDEX exposures_until ON exposures (until) WHERE until IS NOT NULL;

-- One row a scope: `total`, `asset:X`, `tenant:T`. Raised only by a conditional update in the lock's transaction.
CREATE TABLE exposure_caps (
  scope           text PRIMARY KEY,
  used_usd_micros numeric(78,0) NOT NULL,
  cap_usd_micros  numeric(78,0) NOT NULL,
  CONSTRAINT exposure_within_cap CHECK (used_usd_micros >= 0 AND used_usd_micros <= cap_usd_micros)
) WITH (fillfactor = 50);

GRANT SELECT, INSERT, UPDATE, DELETE ON exposures TO lockstep_app;
GRANT SELECT, INSERT, UPDATE ON exposure_caps TO lockstep_app;
