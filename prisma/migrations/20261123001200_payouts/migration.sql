-- payouts: payables on their way to payees, and refunds to payers.

CREATE TABLE payouts (
  id           text PRIMARY KEY,
  payee_id     text NOT NULL REFERENCES payees (id),
  chain        text NOT NULL,
  asset        text NOT NULL,
  address      text NOT NULL,
  -- What was owed, the recipient's share of the network fee, and what arrives.
  units        numeric(78,0) NOT NULL CHECK (units > 0),
  fee_units    numeric(78,0) NOT NULL CHECK (fee_units >= 0),
  net_units    numeric(78,0) NOT NULL CHECK (net_units > 0),
  state        text NOT NULL CHECK (state IN ('planned', 'sent', 'confirmed')),
  send_id      text REFERENCES sends (id),
  tx_id        text,
  created_at   timestamptz NOT NULL,
  confirmed_at timestamptz,
  CHECK (units = fee_units + net_units),
  CHECK ((state = 'planned') = (send_id IS NULL)),
  CHECK ((state = 'confirmed') = (confirmed_at IS NOT NULL))
);
CREATE INDEX payouts_open ON payouts (chain, asset, created_at) WHERE state <> 'confirmed';
CREATE INDEX payouts_payee ON payouts (payee_id, created_at, id);

CREATE TABLE payout_items (
  payout_id text NOT NULL REFERENCES payouts (id),
  line_id   text NOT NULL REFERENCES lines (id),
  units     numeric(78,0) NOT NULL CHECK (units > 0),
  PRIMARY KEY (payout_id, line_id)
);
CREATE INDEX payout_items_line ON payout_items (line_id);

CREATE TABLE refunds (
  id           text PRIMARY KEY,
  tenant_id    text NOT NULL REFERENCES tenants (id),
  lease_id     text NOT NULL REFERENCES leases (id),
  -- Why: unspent escrow of a lot, its share of the service fee, or money of a deposit that did not fit.
  reason       text NOT NULL CHECK (reason IN ('unspent', 'fee', 'return')),
  lot_id       text REFERENCES lots (id),
  deposit_id   text NOT NULL REFERENCES deposits (id),
  -- The deposit's number of reversals when it was returned: returned once for each time it was booked.
  reversals    integer NOT NULL,
  mode         text NOT NULL CHECK (mode IN ('market', 'inKind')),
  -- What left the escrow for it, where that is another asset.
  from_asset   text NOT NULL,
  from_units   numeric(78,0) NOT NULL CHECK (from_units >= 0),
  chain        text NOT NULL,
  asset        text NOT NULL,
  address      text NOT NULL,
  units        numeric(78,0) NOT NULL CHECK (units > 0),
  fee_units    numeric(78,0) NOT NULL CHECK (fee_units >= 0),
  net_units    numeric(78,0) NOT NULL CHECK (net_units >= 0),
  -- `held`: less than it costs to send; listed, and sent when fees fall.
  state        text NOT NULL CHECK (state IN ('held', 'planned', 'sent', 'confirmed')),
  send_id      text REFERENCES sends (id),
  tx_id        text,
  created_at   timestamptz NOT NULL,
  confirmed_at timestamptz,
  CHECK (units = fee_units + net_units),
  CHECK ((state IN ('held', 'planned')) = (send_id IS NULL)),
  CHECK ((state = 'confirmed') = (confirmed_at IS NOT NULL))
);
CREATE UNIQUE INDEX refunds_once ON refunds (deposit_id, reversals, reason, coalesce(lot_id, ''));
CREATE INDEX refunds_open ON refunds (chain, asset, created_at) WHERE state <> 'confirmed';
CREATE INDEX refunds_tenant ON refunds (tenant_id, created_at, id);
CREATE INDEX refunds_lease ON refunds (lease_id);

GRANT SELECT, INSERT, UPDATE ON payouts, refunds TO lockstep_app;
GRANT SELECT, INSERT ON payout_items TO lockstep_app;

-- The last comparison of each place with its books.
CREATE TABLE reconciliations (
  wallet_id   text NOT NULL REFERENCES wallets (id),
  asset       text NOT NULL,
  height      bigint NOT NULL,
  chain_units numeric(78,0) NOT NULL,
  book_units  numeric(78,0) NOT NULL,
  compared_at timestamptz NOT NULL,
  PRIMARY KEY (wallet_id, asset)
);
GRANT SELECT, INSERT, UPDATE ON reconciliations TO lockstep_app;
