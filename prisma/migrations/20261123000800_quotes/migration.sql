-- quotes: firm offers and the rate locks they become.

-- `detail` is the whole priced offer (lines, costs, prices used, rules), written once and never changed.
CREATE TABLE quotes (
  id         text PRIMARY KEY,
  tenant_id  text NOT NULL,
  lease_id   text,
  state      text NOT NULL CHECK (state IN ('open', 'taken')),
  pay_asset  text NOT NULL,
  pay_units  numeric(78,0) NOT NULL CHECK (pay_units > 0),
  detail     json NOT NULL,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  CHECK (expires_at > created_at)
) WITH (toast_tuple_target = 8160);

-- A quote that was taken. The right to top up later, where one was bought, is a second lock of the same quote.
CREATE TABLE locks (
  id             text PRIMARY KEY,
  -- Order of taking; two locks taken in the same instant are still one after the other.
  seq            bigint GENERATED ALWAYS AS IDENTITY,
  quote_id       text NOT NULL REFERENCES quotes (id),
  kind           text NOT NULL CHECK (kind IN ('window', 'right')),
  tenant_id      text NOT NULL,
  lease_id       text NOT NULL,
  pay_asset      text NOT NULL,
  quoted_units   numeric(78,0) NOT NULL CHECK (quoted_units > 0),
  capacity_units numeric(78,0) NOT NULL CHECK (capacity_units >= 0 AND capacity_units <= quoted_units),
  size_units     numeric(78,0) NOT NULL CHECK (size_units >= 0 AND size_units <= quoted_units),
  paid_units     numeric(78,0) NOT NULL DEFAULT 0 CHECK (paid_units >= 0 AND paid_units <= capacity_units),
  state          text NOT NULL CHECK (state IN ('open', 'closed')),
  locked_at      timestamptz NOT NULL,
  fund_by        timestamptz NOT NULL,
  confirm_by     timestamptz NOT NULL,
  closed_at      timestamptz,
  costs          jsonb NOT NULL,
  lines          jsonb NOT NULL,
  terms          jsonb NOT NULL,
  UNIQUE (quote_id, kind),
  CHECK (locked_at < fund_by AND fund_by <= confirm_by),
  CHECK ((state = 'closed') = (closed_at IS NOT NULL))
);
CREATE INDEX locks_of_lease ON locks (lease_id, pay_asset, locked_at DESC);
CREATE INDEX locks_due ON locks (confirm_by) WHERE state = 'open';

GRANT SELECT, INSERT, UPDATE (state) ON quotes TO lockstep_app;
GRANT SELECT, INSERT, UPDATE ON locks TO lockstep_app;
