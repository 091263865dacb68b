-- wallets: everything that sends.

CREATE TABLE wallets (
  id         text PRIMARY KEY,
  chain      text NOT NULL,
  role       text NOT NULL CHECK (role IN ('deposit', 'hot', 'gas', 'cold')),
  -- The wallet's own first address; for `ethereum-deposit` that of the factory's treasury.
  address    text NOT NULL,
  created_at timestamptz NOT NULL
);

-- Every address of ours. `path` is a derivation path, or the salt of a deposit forwarder.
CREATE TABLE wallet_addresses (
  chain      text NOT NULL,
  address    text NOT NULL,
  wallet_id  text NOT NULL REFERENCES wallets (id),
  path       text NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (chain, address)
);
CREATE INDEX wallet_addresses_wallet ON wallet_addresses (wallet_id);

-- Change addresses are 1/k, k from 1, and never used twice.
CREATE SEQUENCE wallet_change_index START 1;

CREATE TABLE sends (
  id               text PRIMARY KEY,
  -- The order in which sends were planned: one wallet's sends are signed in it.
  seq              bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  chain            text NOT NULL,
  wallet_id        text NOT NULL REFERENCES wallets (id),
  purpose          text NOT NULL CHECK (purpose IN ('payout', 'refund', 'sweep', 'swap', 'gas', 'return')),
  cause            text NOT NULL,
  tenant_id        text,
  state            text NOT NULL CHECK (state IN
                     ('planned', 'unfunded', 'signed', 'broadcast', 'stuck', 'included', 'confirmed', 'failed')),
  outputs          jsonb NOT NULL,
  call             jsonb,
  settlement       jsonb NOT NULL,
  anchor           jsonb,
  fee_budget_units numeric(78,0) CHECK (fee_budget_units >= 0),
  tx_id            text,
  height           integer,
  fee_units        numeric(78,0) CHECK (fee_units >= 0),
  -- Why it waits or failed, for the operator.
  note             text,
  planned_at       timestamptz NOT NULL,
  signed_at        timestamptz,
  settled_at       timestamptz,
  UNIQUE (purpose, cause),
  CHECK ((call IS NULL) = (jsonb_array_length(outputs) > 0)),
  -- No anchor, no signature; a send that was never signed fails only by being cancelled.
  CHECK (state NOT IN ('planned', 'unfunded') OR anchor IS NULL),
  CHECK (state IN ('planned', 'unfunded', 'failed') OR anchor IS NOT NULL),
  CHECK ((state IN ('confirmed', 'failed')) = (settled_at IS NOT NULL)),
  CHECK (state NOT IN ('included', 'confirmed') OR (tx_id IS NOT NULL AND height IS NOT NULL))
);
CREATE INDEX sends_open ON sends (wallet_id, seq) WHERE settled_at IS NULL;

-- One signed transaction, stored before it was sent.
CREATE TABLE attempts (
  id            text PRIMARY KEY,
  send_id       text NOT NULL REFERENCES sends (id),
  n             integer NOT NULL CHECK (n > 0),
  tx_id         text NOT NULL UNIQUE,
  raw           text NOT NULL,
  body          text NOT NULL,
  fee_rate      numeric(78,0) NOT NULL,
  fee_max_units numeric(78,0) NOT NULL,
  state         text NOT NULL CHECK (state IN ('stored', 'broadcast', 'included', 'final', 'dead')),
  -- The node's last refusal of these bytes; no evidence that they cannot confirm.
  refusal       text,
  stored_at     timestamptz NOT NULL,
  stored_height integer NOT NULL,
  broadcast_at  timestamptz,
  UNIQUE (send_id, n)
);
CREATE UNIQUE INDEX attempts_final ON attempts (send_id) WHERE state = 'final';

-- Nonces and sequences in use. A slot belongs to one send for ever.
CREATE TABLE slots (
  chain   text NOT NULL,
  signer  text NOT NULL,
  slot    numeric(78,0) NOT NULL CHECK (slot >= 0),
  send_id text NOT NULL UNIQUE REFERENCES sends (id),
  state   text NOT NULL CHECK (state IN ('reserved', 'used')),
  PRIMARY KEY (chain, signer, slot)
);

CREATE TABLE coins (
  chain       text NOT NULL,
  tx_id       text NOT NULL,
  vout        integer NOT NULL CHECK (vout >= 0),
  wallet_id   text NOT NULL REFERENCES wallets (id),
  address     text NOT NULL,
  path        text NOT NULL,
  units       numeric(78,0) NOT NULL CHECK (units > 0),
  state       text NOT NULL CHECK (state IN ('free', 'reserved', 'spent')),
  height      integer NOT NULL,
  released_at timestamptz,
  -- The deposit that brought it; null for own change.
  deposit_id  text,
  send_id     text REFERENCES sends (id),
  PRIMARY KEY (chain, tx_id, vout),
  CHECK ((state = 'free') = (send_id IS NULL)),
  CHECK (state = 'free' OR released_at IS NOT NULL)
);
CREATE INDEX coins_free ON coins (wallet_id, units DESC) WHERE state = 'free' AND released_at IS NOT NULL;
CREATE INDEX coins_send ON coins (send_id) WHERE send_id IS NOT NULL;
CREATE INDEX coins_deposit ON coins (deposit_id) WHERE deposit_id IS NOT NULL;

-- Money at deposit addresses that wait to be swept.
CREATE TABLE arrivals (
  chain    text NOT NULL,
  address  text NOT NULL,
  asset    text NOT NULL,
  noted_at timestamptz NOT NULL,
  send_id  text REFERENCES sends (id),
  PRIMARY KEY (chain, address, asset),
  FOREIGN KEY (chain, address) REFERENCES wallet_addresses (chain, address)
);

-- Where the signer may send money to, beside our own addresses.
CREATE TABLE allowed_destinations (
  chain       text NOT NULL,
  address     text NOT NULL,
  why         text NOT NULL,
  active_from timestamptz NOT NULL,
  PRIMARY KEY (chain, address)
);

-- The signer's own log: what each send was first signed for. Written before the signature exists.
CREATE TABLE signatures (
  send_id   text NOT NULL,
  asset     text NOT NULL,
  wallet_id text NOT NULL,
  units     numeric(78,0) NOT NULL,
  intent    text NOT NULL,
  signed_at timestamptz NOT NULL,
  PRIMARY KEY (send_id, asset)
);
CREATE INDEX signatures_recent ON signatures (wallet_id, asset, signed_at);

GRANT SELECT, INSERT, UPDATE ON sends, attempts, slots, allowed_destinations TO lockstep_app;
GRANT SELECT, INSERT ON wallets, wallet_addresses, signatures TO lockstep_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON coins, arrivals TO lockstep_app;
GRANT USAGE ON SEQUENCE wallet_change_index TO lockstep_app;
