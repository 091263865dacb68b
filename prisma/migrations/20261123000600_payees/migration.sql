-- payees: who is paid, where, and how often.

CREATE TABLE payees (
  id            text PRIMARY KEY,
  -- A provider is its Akash address, owned by no tenant; a service belongs to the tenant that named it.
  kind          text NOT NULL CHECK (kind IN ('provider', 'service')),
  tenant_id     text REFERENCES tenants (id),
  chain         text NOT NULL,
  asset         text NOT NULL,
  -- What identifies it; for a provider also what proves ownership.
  address       text NOT NULL,
  -- Where it is paid now, and how.
  destination   text NOT NULL,
  interval_ms   bigint NOT NULL CHECK (interval_ms > 0),
  minimum_units numeric(78,0) NOT NULL CHECK (minimum_units >= 0),
  created_at    timestamptz NOT NULL,
  next_payout_at timestamptz NOT NULL,
  CHECK ((kind = 'provider') = (tenant_id IS NULL))
);
CREATE UNIQUE INDEX payees_providers ON payees (chain, address) WHERE kind = 'provider';
CREATE UNIQUE INDEX payees_services ON payees (tenant_id, chain, asset, address) WHERE kind = 'service';
CREATE INDEX payees_due ON payees (next_payout_at);

-- A wish to be paid elsewhere or otherwise: signed by the payee's key, effective after a delay.
CREATE TABLE payee_changes (
  id            text PRIMARY KEY,
  payee_id      text NOT NULL REFERENCES payees (id),
  destination   text,
  interval_ms   bigint CHECK (interval_ms > 0),
  minimum_units numeric(78,0) CHECK (minimum_units >= 0),
  nonce         text NOT NULL,
  state         text NOT NULL CHECK (state IN ('pending', 'active', 'cancelled')),
  requested_at  timestamptz NOT NULL,
  effective_at  timestamptz NOT NULL,
  UNIQUE (payee_id, nonce)
);
CREATE INDEX payee_changes_due ON payee_changes (effective_at) WHERE state = 'pending';

GRANT SELECT, INSERT, UPDATE ON payees, payee_changes TO lockstep_app;
