-- swaps: orders that move the desk's positions toward their targets, and their legs.

CREATE TABLE swaps (
  id             text PRIMARY KEY,
  state          text NOT NULL CHECK (state IN ('planned', 'running', 'held', 'done', 'failed')),
  reason         text NOT NULL CHECK (reason IN ('short', 'stock', 'surplus')),
  from_asset     text NOT NULL,
  to_asset       text NOT NULL CHECK (to_asset <> from_asset),
  input_units    numeric(78,0) NOT NULL CHECK (input_units > 0),
  expected_units numeric(78,0) NOT NULL CHECK (expected_units >= minimum_units),
  minimum_units  numeric(78,0) NOT NULL CHECK (minimum_units > 0),
  output_units   numeric(78,0),
  -- Routes that were not taken, each with the reason.
  lost           jsonb NOT NULL,
  evidence_ids   text[] NOT NULL,
  note           text,
  created_at     timestamptz NOT NULL,
  done_at        timestamptz,
  CHECK ((state IN ('done', 'failed')) = (done_at IS NOT NULL)),
  CHECK ((state = 'done') = (output_units IS NOT NULL))
);
CREATE INDEX swaps_open ON swaps (created_at) WHERE done_at IS NULL;
CREATE INDEX swaps_listed ON swaps (created_at, id);
CREATE INDEX swaps_failed ON swaps (done_at) WHERE state = 'failed';

CREATE TABLE legs (
  id                text PRIMARY KEY,
  swap_id           text NOT NULL REFERENCES swaps (id),
  n                 smallint NOT NULL CHECK (n > 0),
  venue             text NOT NULL,
  state             text NOT NULL
    CHECK (state IN ('ready', 'intent', 'sent', 'seen', 'doubt', 'done', 'partial', 'returned')),
  from_asset        text NOT NULL,
  to_asset          text NOT NULL,
  -- Of a leg that has not started: what the plan expects of the leg before it.
  input_units       numeric(78,0) NOT NULL CHECK (input_units > 0),
  expected_units    numeric(78,0) NOT NULL CHECK (expected_units > 0),
  minimum_units     numeric(78,0) NOT NULL CHECK (minimum_units > 0),
  -- Until then it is placed, or once it is placed executed.
  deadline          timestamptz NOT NULL,
  placed            jsonb,
  allowances        smallint NOT NULL DEFAULT 0,
  allowance_send_id text REFERENCES sends (id),
  send_id           text UNIQUE REFERENCES sends (id),
  spent_units       numeric(78,0),
  output_units      numeric(78,0),
  fees              jsonb,
  note              text,
  UNIQUE (swap_id, n),
  CHECK (send_id IS NULL OR placed IS NOT NULL),
  CHECK ((state IN ('done', 'partial')) = (output_units IS NOT NULL))
);
-- A token is sold by one leg at a time: two would share one allowance.
CREATE UNIQUE INDEX legs_selling ON legs (from_asset) WHERE state IN ('intent', 'sent', 'seen', 'doubt');

-- Whether the float of an asset is below its low-water mark, so that each crossing is told once.
CREATE TABLE float_marks (
  asset      text PRIMARY KEY,
  low        boolean NOT NULL,
  changed_at timestamptz NOT NULL
);

GRANT SELECT, INSERT, UPDATE ON swaps, legs, float_marks TO lockstep_app;
