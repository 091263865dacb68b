-- deposits: the addresses we watch, how far each chain was read, and the money seen.

-- BIP-32 indexes of deposit addresses; gaps are harmless, every used index is stored. 0 is the operator's own.
CREATE SEQUENCE address_index MINVALUE 1 MAXVALUE 2147483647;

CREATE TABLE addresses (
  id         text PRIMARY KEY,
  chain      text NOT NULL,
  address    text NOT NULL,
  watch_key  text NOT NULL,
  wallet_id  text NOT NULL REFERENCES wallets (id),
  path       text NOT NULL,
  salt       text NOT NULL,
  -- Whose money arrives here: a lease's, or (null) the operator's float.
  lease_id   text,
  tenant_id  text,
  created_at timestamptz NOT NULL,
  -- Readers load what committed since their last look; a serial number would skip late commits.
  xid        xid8 NOT NULL DEFAULT pg_current_xact_id(),
  UNIQUE (chain, address)
);
CREATE UNIQUE INDEX addresses_one_per_lease ON addresses (lease_id, chain) WHERE lease_id IS NOT NULL;
CREATE INDEX addresses_since ON addresses (chain, xid);

CREATE TABLE chain_cursors (
  chain      text PRIMARY KEY,
  height     bigint NOT NULL,
  hash       text NOT NULL,
  block_time timestamptz NOT NULL,
  tip_height bigint NOT NULL,
  -- Greatest height that ever counted as final: it never goes back, whatever a node says later.
  final_height bigint NOT NULL,
  read_at    timestamptz NOT NULL
);

-- The last blocks read, to find where a reorganised chain parted.
CREATE TABLE chain_blocks (
  chain  text NOT NULL,
  height bigint NOT NULL,
  hash   text NOT NULL,
  time   timestamptz NOT NULL,
  PRIMARY KEY (chain, height)
);

CREATE TABLE deposits (
  id           text PRIMARY KEY,
  chain        text NOT NULL,
  tx_id        text NOT NULL,
  place        text NOT NULL,
  -- How often this transfer was reorganised away after it had been booked.
  reversals    integer NOT NULL DEFAULT 0,
  address_id   text NOT NULL REFERENCES addresses (id),
  wallet_id    text NOT NULL REFERENCES wallets (id),
  lease_id     text,
  tenant_id    text,
  -- Null for a token that is not ours to credit.
  asset        text,
  reference    text,
  units        numeric(78,0) NOT NULL CHECK (units >= 0),
  state        text NOT NULL CHECK (state IN ('seen', 'dropped', 'confirmed', 'credited', 'returned', 'unclaimed', 'float', 'reorged', 'unwound')),
  -- Why it is unclaimed or returned.
  reason       text,
  spendable    boolean NOT NULL,
  fee_rate     numeric(78,0),
  -- Whether its fee was at least the node's 6-block estimate when it was first seen.
  fee_ok       boolean NOT NULL,
  seen_at      timestamptz NOT NULL,
  height       bigint,
  block_hash   text,
  block_time   timestamptz,
  confirmed_at timestamptz,
  -- Still in suspense although credited: to be sent back, or kept as credit for the lease's next lock of this asset.
  return_units numeric(78,0) NOT NULL DEFAULT 0,
  held_units   numeric(78,0) NOT NULL DEFAULT 0,
  -- The state it had before it was reorganised away.
  reorged_from text,
  reorged_at   timestamptz,
  credited_at  timestamptz,
  released_at  timestamptz,
  UNIQUE (chain, tx_id, place)
);
CREATE INDEX deposits_open ON deposits (chain, height) WHERE state IN ('seen', 'confirmed', 'reorged');
CREATE INDEX deposits_unreleased ON deposits (chain, height) WHERE released_at IS NULL AND state IN ('credited', 'float', 'returned', 'unclaimed', 'confirmed');
CREATE INDEX deposits_lease ON deposits (lease_id);
CREATE INDEX deposits_tenant ON deposits (tenant_id, seen_at, id);
CREATE INDEX deposits_height ON deposits (chain, height);

GRANT USAGE ON SEQUENCE address_index TO lockstep_app;
GRANT SELECT, INSERT ON addresses TO lockstep_app;
GRANT SELECT, INSERT, UPDATE ON chain_cursors, deposits TO lockstep_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON chain_blocks TO lockstep_app;
