-- escrow: leases, their lines, and the lots that fund them.

CREATE TABLE leases (
  id               text PRIMARY KEY,
  tenant_id        text NOT NULL REFERENCES tenants (id),
  -- The partner's own id of the lease.
  reference        text NOT NULL,
  state            text NOT NULL CHECK (state IN ('awaiting', 'active', 'depleted', 'closed', 'expired')),
  refund_mode      text NOT NULL CHECK (refund_mode IN ('market', 'inKind')),
  after_depletion  text NOT NULL CHECK (after_depletion IN ('resume', 'return')),
  -- JSON of chain → address; given at creation, never changed.
  refund_addresses jsonb NOT NULL,
  -- Set while a credited deposit of this lease is reorganised away: nothing of it is paid out.
  payouts_frozen   boolean NOT NULL DEFAULT false,
  created_at       timestamptz NOT NULL,
  active_at        timestamptz,
  depleted_at      timestamptz,
  closed_at        timestamptz,
  UNIQUE (tenant_id, reference)
);
CREATE INDEX leases_tenant ON leases (tenant_id, created_at, id);

CREATE TABLE lines (
  id              text PRIMARY KEY,
  lease_id        text NOT NULL REFERENCES leases (id),
  n               integer NOT NULL,
  payee_id        text NOT NULL REFERENCES payees (id),
  -- Where the payee was paid when the line was opened: a later change of it is for later lines.
  destination     text NOT NULL,
  asset           text NOT NULL,
  clock           text NOT NULL CHECK (clock IN ('akash-height', 'utc', 'once')),
  -- Base units per tick × 10^18; for `once` lines the whole price × 10^18.
  price_numerator numeric(78,0) NOT NULL CHECK (price_numerator > 0),
  state           text NOT NULL CHECK (state IN ('idle', 'running', 'stopped')),
  -- First tick of the present run; accrual counts from it.
  started_tick    numeric(78,0),
  -- Accrued and settled since `started_tick`.
  settled_units   numeric(78,0) NOT NULL DEFAULT 0,
  -- What its escrow account holds.
  balance_units   numeric(78,0) NOT NULL DEFAULT 0 CHECK (balance_units >= 0),
  -- Last tick that is fully funded; null unless running.
  depletes_tick   numeric(78,0),
  -- Settled to the payee over all runs, and paid out of it.
  accrued_units   numeric(78,0) NOT NULL DEFAULT 0,
  paid_out_units  numeric(78,0) NOT NULL DEFAULT 0,
  UNIQUE (lease_id, n),
  CHECK (paid_out_units <= accrued_units)
);
CREATE INDEX lines_depletion ON lines (clock, depletes_tick) WHERE state = 'running';
CREATE INDEX lines_payee ON lines (payee_id);
CREATE INDEX lines_payable ON lines (payee_id) WHERE paid_out_units < accrued_units;

CREATE TABLE lots (
  id             text PRIMARY KEY,
  line_id        text NOT NULL REFERENCES lines (id),
  deposit_id     text NOT NULL REFERENCES deposits (id),
  lock_id        text REFERENCES locks (id),
  -- First in, first out by this number within a line.
  n              bigint GENERATED ALWAYS AS IDENTITY,
  paid_asset     text NOT NULL,
  -- Of the deposit, what this lot took, costs included.
  paid_units     numeric(78,0) NOT NULL,
  -- Of `paid_units`, the service fee; refunded in proportion.
  fee_units      numeric(78,0) NOT NULL,
  credited_units numeric(78,0) NOT NULL CHECK (credited_units >= 0),
  consumed_units numeric(78,0) NOT NULL DEFAULT 0,
  -- Left the escrow otherwise than by accrual: refunded at close or unwound after a reorg.
  withdrawn_units numeric(78,0) NOT NULL DEFAULT 0,
  created_at     timestamptz NOT NULL,
  released_at    timestamptz,
  CHECK (consumed_units + withdrawn_units <= credited_units)
);
CREATE INDEX lots_line ON lots (line_id, n);
CREATE INDEX lots_deposit ON lots (deposit_id);

GRANT SELECT, INSERT, UPDATE ON leases, lines, lots TO lockstep_app;
