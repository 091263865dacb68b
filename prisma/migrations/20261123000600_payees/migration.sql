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

-- Tenants with lines that pay a payee: they see it and are told of its changes.
CREATE TABLE payee_tenants (
  payee_id  text NOT NULL REFERENCES payees (id),
  tenant_id text NOT NULL REFERENCES tenants (id),
  PRIMARY KEY (payee_id, tenant_id)
);
CREATE INDEX payee_tenants_tenant ON payee_tenants (tenant_id);

-- Signed texts that were accepted: a nonce stands for one text, for ever.
CREATE TABLE payee_proofs (
  payee_id    text NOT NULL REFERENCES payees (id),
  nonce       text NOT NULL,
  signed_text text NOT NULL,
  used_at     timestamptz NOT NULL,
  PRIMARY KEY (payee_id, nonce)
);

-- A wish to be paid elsewhere or otherwise, or for an API key: effective after a delay in which it can be cancelled.
CREATE TABLE payee_changes (
  id            text PRIMARY KEY,
  payee_id      text NOT NULL REFERENCES payees (id),
  destination   text,
  interval_ms   bigint CHECK (interval_ms > 0),
  minimum_units numeric(78,0) CHECK (minimum_units >= 0),
  api_key       boolean NOT NULL,
  -- Of the proof; null where the tenant's own API key is the authority.
  nonce         text,
  state         text NOT NULL CHECK (state IN ('pending', 'active', 'cancelled')),
  requested_at  timestamptz NOT NULL,
  effective_at  timestamptz NOT NULL,
  -- The API key that was given out for it.
  key_id        text,
  CHECK (num_nonnulls(destination, interval_ms, minimum_units) > 0 OR api_key),
  FOREIGN KEY (payee_id, nonce) REFERENCES payee_proofs (payee_id, nonce)
);
CREATE UNIQUE INDEX payee_changes_one_pending ON payee_changes (payee_id) WHERE state = 'pending';
CREATE INDEX payee_changes_due ON payee_changes (effective_at) WHERE state = 'pending';
CREATE INDEX payee_changes_nonce ON payee_changes (payee_id, nonce);

GRANT SELECT, INSERT, UPDATE ON payees, payee_changes TO lockstep_app;
GRANT SELECT, INSERT ON payee_tenants, payee_proofs TO lockstep_app;
