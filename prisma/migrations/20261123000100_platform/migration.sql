-- platform: clock, outbox, idempotency.

-- The test clock. Empty in production; the application's role may not write it.
CREATE TABLE clock (
  id        integer PRIMARY KEY CHECK (id = 1),
  frozen_at timestamptz,
  offset_ms bigint NOT NULL DEFAULT 0
);

CREATE FUNCTION lockstep_now() RETURNS timestamptz LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
  SELECT coalesce(
    (SELECT coalesce(frozen_at, clock_timestamp() + offset_ms * interval '1 millisecond') FROM clock),
    clock_timestamp())
$$;

CREATE TABLE outbox (
  id            text PRIMARY KEY,
  type          text NOT NULL,
  subject       text NOT NULL,
  tenant_id     text,
  data          jsonb NOT NULL,
  xid           xid8 NOT NULL DEFAULT pg_current_xact_id(),
  created_at    timestamptz NOT NULL,
  dispatched_at timestamptz
);
CREATE INDEX outbox_undispatched ON outbox (created_at) WHERE dispatched_at IS NULL;

-- The order in which events became visible for good. A separate table: outbox rows are not renumbered.
CREATE TABLE event_order (
  seq   bigint PRIMARY KEY,
  event text NOT NULL UNIQUE REFERENCES outbox (id)
);
CREATE INDEX outbox_xid ON outbox (xid);

-- Numbers the events of all transactions that ended before the oldest one still running, so that no event that commits
-- later can get a smaller number. One caller at a time; returns how many were numbered.
CREATE FUNCTION order_events(batch integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  ordered integer;
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtextextended('order_events', 0)) THEN
    RETURN 0;
  END IF;
  WITH ready AS (
    SELECT o.id, o.xid FROM outbox o
    WHERE o.xid < pg_snapshot_xmin(pg_current_snapshot())
      AND o.xid >= coalesce((SELECT max(p.xid) FROM outbox p WHERE p.id =
            (SELECT event FROM event_order ORDER BY seq DESC LIMIT 1)), '0'::xid8)
      AND NOT EXISTS (SELECT 1 FROM event_order e WHERE e.event = o.id)
    ORDER BY o.xid, o.created_at, o.id
    LIMIT batch
  )
  INSERT INTO event_order (seq, event)
  SELECT coalesce((SELECT max(seq) FROM event_order), 0) + row_number() OVER (ORDER BY r.xid, o.created_at, o.id), r.id
  FROM ready r JOIN outbox o ON o.id = r.id;
  GET DIAGNOSTICS ordered = ROW_COUNT;
  RETURN ordered;
END
$$;

CREATE TABLE idempotency_keys (
  owner      text NOT NULL,
  route      text NOT NULL,
  key        text NOT NULL,
  body_hash  bytea NOT NULL,
  status     integer NOT NULL,
  answer     jsonb NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (owner, route, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

-- A job that failed for good: parked, visible to the operator, released by hand.
CREATE TABLE parked_jobs (
  id          text PRIMARY KEY,
  queue       text NOT NULL,
  name        text NOT NULL,
  data        jsonb NOT NULL,
  error       text NOT NULL,
  attempts    integer NOT NULL,
  parked_at   timestamptz NOT NULL,
  released_at timestamptz
);

GRANT SELECT ON clock, event_order TO lockstep_app;
GRANT SELECT, INSERT, UPDATE (dispatched_at) ON outbox TO lockstep_app;
GRANT INSERT ON event_order TO lockstep_app;
GRANT SELECT, INSERT, DELETE ON idempotency_keys TO lockstep_app;
GRANT SELECT, INSERT, UPDATE ON parked_jobs TO lockstep_app;
