-- markets: states of assets, evidence of prices, minute marks.

-- An asset without a row is quotable.
CREATE TABLE asset_states (
  asset      text PRIMARY KEY,
  state      text NOT NULL CHECK (state IN ('quotable', 'pay-only', 'refund-only', 'halted')),
  reason     text NOT NULL,
  changed_by text NOT NULL,
  changed_at timestamptz NOT NULL
);

-- What a price was made of. Written once, when something first refers to it. Ratios are exact: numerator and denominator.
CREATE TABLE price_evidence (
  id              text PRIMARY KEY,
  asset           text NOT NULL,
  mid_num         text NOT NULL CHECK (mid_num ~ '^[1-9][0-9]*$'),
  mid_den         text NOT NULL CHECK (mid_den ~ '^[1-9][0-9]*$'),
  uncertainty_bps integer NOT NULL CHECK (uncertainty_bps >= 0),
  inputs          jsonb NOT NULL,
  dropped         jsonb NOT NULL,
  rule_version    text NOT NULL,
  at              timestamptz NOT NULL
);
CREATE INDEX price_evidence_asset ON price_evidence (asset, at);

-- The first accepted price of each minute: the reference of the jump bound, and the history volatility is taken from.
CREATE TABLE price_marks (
  asset           text NOT NULL,
  minute          timestamptz NOT NULL CHECK (minute = date_trunc('minute', minute, 'UTC')),
  mid_num         text NOT NULL CHECK (mid_num ~ '^[1-9][0-9]*$'),
  mid_den         text NOT NULL CHECK (mid_den ~ '^[1-9][0-9]*$'),
  uncertainty_bps integer NOT NULL CHECK (uncertainty_bps >= 0),
  PRIMARY KEY (asset, minute)
);

GRANT SELECT, INSERT, UPDATE ON asset_states TO lockstep_app;
GRANT SELECT, INSERT ON price_evidence, price_marks TO lockstep_app;
