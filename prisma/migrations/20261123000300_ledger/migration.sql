-- ledger: accounts, journals, transfers, seals. Written by `ledger_post` and `ledger_seal` alone: both run as the owner,
-- and the application's role may call them and read, nothing else.

-- One row a kind, name, asset and shard; a balance is the sum of its shards. Names are compared byte by byte.
CREATE TABLE accounts (
  id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind            text COLLATE "C" NOT NULL,
  ref             text COLLATE "C" NOT NULL,
  asset           text COLLATE "C" NOT NULL,
  shard           smallint NOT NULL DEFAULT 0,
  role            text NOT NULL,
  may_go_negative boolean NOT NULL,
  balance         numeric(78, 0) NOT NULL DEFAULT 0,
  CONSTRAINT account_below_zero CHECK (balance >= 0 OR may_go_negative),
  UNIQUE (kind, ref, asset, shard)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);

-- The table of kinds. Only what is ours may go below zero, and of that never the float; only what may is sharded.
-- A trigger, not constraints and generated columns: those would be read again by every change of a balance.
CREATE FUNCTION ledger_open_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.role := CASE
    WHEN NEW.kind = 'external' THEN 'place'
    WHEN NEW.kind IN ('suspense', 'escrow', 'payable', 'payout', 'refund') THEN 'customer'
    WHEN NEW.kind IN ('desk', 'swap', 'revenue', 'recovery', 'expense', 'equity', 'rounding', 'loss', 'reorg') THEN 'own'
  END;
  NEW.may_go_negative := NEW.kind IN ('desk', 'external', 'revenue', 'recovery', 'expense', 'equity', 'loss', 'reorg')
    AND NOT (NEW.kind = 'equity' AND NEW.ref = 'float');
  IF NEW.role IS NULL OR NEW.ref = '' OR NEW.asset = '' OR NEW.shard < 0 OR NEW.shard > 0 AND NOT NEW.may_go_negative THEN
    RAISE EXCEPTION '%:% % shard % is not an account', NEW.kind, NEW.ref, NEW.asset, NEW.shard;
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER open_account BEFORE INSERT ON accounts FOR EACH ROW EXECUTE FUNCTION ledger_open_account();

-- Event keys outlive the partitions of what they name.
CREATE TABLE journal_keys (
  key_hash   bytea PRIMARY KEY,
  journal_id bigint NOT NULL,
  posted_at  timestamptz NOT NULL
);

CREATE SEQUENCE journal_ids;

CREATE TABLE journals (
  id                bigint NOT NULL,
  key_hash          bytea NOT NULL,
  kind              text NOT NULL,
  cause             text NOT NULL,
  price_evidence_id text,
  rule_version      text,
  effective_at      timestamptz NOT NULL,
  posted_at         timestamptz NOT NULL,
  xid               xid8 NOT NULL DEFAULT pg_current_xact_id(),
  PRIMARY KEY (id, posted_at)
) PARTITION BY RANGE (posted_at);

-- Each row is balanced by itself: `units` leave one account and enter another of the same asset.
CREATE TABLE transfers (
  journal_id   bigint NOT NULL,
  n            smallint NOT NULL,
  from_account bigint NOT NULL,
  to_account   bigint NOT NULL,
  units        numeric(78, 0) NOT NULL,
  from_balance numeric(78, 0) NOT NULL,
  to_balance   numeric(78, 0) NOT NULL,
  place_height bigint,
  place_tx     text,
  tenant_id    text,
  posted_at    timestamptz NOT NULL,
  PRIMARY KEY (journal_id, n, posted_at),
  CHECK (units > 0 AND from_account <> to_account)
) PARTITION BY RANGE (posted_at);
CREATE INDEX transfers_from ON transfers (from_account, journal_id, n);
CREATE INDEX transfers_to ON transfers (to_account, journal_id, n);

-- The order in which journals became visible for good, and the hash chain over them.
CREATE TABLE seals (
  seq        bigint PRIMARY KEY,
  journal_id bigint NOT NULL UNIQUE,
  posted_at  timestamptz NOT NULL,
  hash       bytea NOT NULL CHECK (length(hash) = 32),
  sealed_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Where `ledger_seal` goes on: every journal up to `sealed_id` is sealed, or its transaction was rolled back. No
-- transaction numbered above `mark_xid` has a journal up to `mark_id`.
CREATE TABLE sealer (
  id        integer PRIMARY KEY CHECK (id = 1),
  sealed_id bigint NOT NULL,
  mark_id   bigint NOT NULL,
  mark_xid  xid8 NOT NULL
);
INSERT INTO sealer VALUES (1, 0, 0, '0');

CREATE FUNCTION ledger_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% of % is refused: the ledger only grows', TG_OP, TG_TABLE_NAME USING ERRCODE = 'LG003';
END
$$;

-- A statement trigger of a partitioned table does not fire for statements on its partitions, so each has its own.
CREATE FUNCTION ledger_freeze(frozen regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON %s
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change()', frozen);
  EXECUTE format('REVOKE ALL ON %s FROM PUBLIC, lockstep_app', frozen);
  EXECUTE format('GRANT SELECT ON %s TO lockstep_app', frozen);
END
$$;

-- Makes the monthly partitions from this month to `months_ahead` months later; returns how many were missing.
CREATE FUNCTION ledger_create_partitions(months_ahead integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  first date := date_trunc('month', now() AT TIME ZONE 'UTC');
  parent text;
  part text;
  month date;
  made integer := 0;
BEGIN
  IF months_ahead NOT BETWEEN 0 AND 36 THEN
    RAISE EXCEPTION 'months_ahead is 0 to 36, not %', months_ahead;
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('ledger_create_partitions', 0));
  FOR ahead IN 0..months_ahead LOOP
    month := first + make_interval(months => ahead);
    FOREACH parent IN ARRAY ARRAY['journals', 'transfers'] LOOP
      part := format('%s_%s', parent, to_char(month, 'YYYY_MM'));
      CONTINUE WHEN to_regclass('public.' || part) IS NOT NULL;
      -- Attaching a finished table does not lock out those who post, as CREATE ... PARTITION OF would.
      EXECUTE format('CREATE TABLE public.%I (LIKE public.%I INCLUDING ALL)', part, parent);
      PERFORM public.ledger_freeze(('public.' || part)::regclass);
      EXECUTE format('ALTER TABLE public.%I ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)', parent, part,
        month::timestamp AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC');
      made := made + 1;
    END LOOP;
  END LOOP;
  RETURN made;
END
$$;

SELECT ledger_freeze(frozen) FROM unnest('{journal_keys,journals,transfers,seals}'::regclass[]) AS frozen;
SELECT ledger_create_partitions(12);

CREATE TRIGGER refuse_change BEFORE DELETE OR TRUNCATE OR UPDATE OF id, kind, ref, asset, shard, role, may_go_negative
  ON accounts
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();

-- Refuses (LG002) unless an earlier journal moved the same money: kind, tenant, names, assets, units, transactions.
CREATE FUNCTION ledger_expect_same(key text, moves text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF moves IS DISTINCT FROM ARRAY(
    SELECT ROW (j.kind, t.tenant_id, f.kind, f.ref, g.kind, g.ref, f.asset, t.units, t.place_tx)::text
    FROM journal_keys k
    JOIN journals j ON j.id = k.journal_id AND j.posted_at = k.posted_at
    JOIN transfers t ON t.journal_id = j.id AND t.posted_at = j.posted_at
    JOIN accounts f ON f.id = t.from_account
    JOIN accounts g ON g.id = t.to_account
    WHERE k.key_hash = sha256(convert_to(key, 'UTF8')) ORDER BY t.n)
  THEN
    RAISE EXCEPTION 'key % was posted before with other content', key USING ERRCODE = 'LG002';
  END IF;
END
$$;

-- Posts journals in the order given, all or none. Accounts and transfers are parallel arrays: `sources` and `targets`
-- number the accounts from 1, `journals_of` numbers the journals from 1 and never falls. Accounts are made as needed and
-- locked in the order of their ids; journals get their ids after that, so that an account's transfers in the order of
-- journal ids are the order in which its balance changed. Runs in READ COMMITTED.
-- A key posted before is not posted again: its earlier journal is returned if it moved the same money for the same
-- tenant, otherwise all is refused (LG002). So is a transfer that takes an account below zero (LG001).
CREATE FUNCTION ledger_post(
  account_kinds text[], account_refs text[], account_assets text[], account_shards smallint[],
  keys text[], kinds text[], causes text[], price_evidence_ids text[], rule_versions text[], tenant_ids text[],
  effective_ats timestamptz[],
  journals_of integer[], sources integer[], targets integer[], amounts numeric[],
  place_heights bigint[], place_txs text[]
) RETURNS TABLE (journal_ids bigint[], posted boolean[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off ROWS 1 AS $$
DECLARE
  account_count integer := cardinality(account_kinds);
  journal_count integer := cardinality(keys);
  transfer_count integer := cardinality(sources);
  ids bigint[];
  balances numeric[];
  earlier_balances numeric[];
  unlimited boolean[];
  hashes bytea[];
  numbers smallint[];
  source_balances numeric[];
  target_balances numeric[];
  inserted integer;
  source integer;
  target integer;
  units numeric;
  number smallint;
  journal integer := 0;
BEGIN
  FOR attempt IN 1..2 LOOP
    -- Locks nothing while an account is missing: who waits below for another transaction's new account must hold no
    -- account that one may want.
    SELECT array_agg(l.id ORDER BY l.i), array_agg(l.balance ORDER BY l.i), array_agg(l.may_go_negative ORDER BY l.i)
      INTO ids, balances, unlimited
      FROM (
        SELECT named.i, a.id, a.balance, a.may_go_negative
        FROM (
          SELECT i, n.id, count(*) OVER () AS found
          FROM unnest(account_shards) WITH ORDINALITY AS w (shard, i)
          JOIN accounts n ON n.kind = account_kinds[i] AND n.ref = account_refs[i] AND n.asset = account_assets[i]
            AND n.shard = w.shard
        ) AS named
        JOIN accounts a ON a.id = named.id
        WHERE named.found = account_count
        ORDER BY a.id FOR UPDATE OF a
      ) AS l;
    EXIT WHEN ids IS NOT NULL;
    IF attempt = 2 THEN
      RAISE EXCEPTION 'ledger_post needs accounts and READ COMMITTED';
    END IF;
    INSERT INTO accounts (kind, ref, asset, shard)
      SELECT account_kinds[i], account_refs[i], account_assets[i], account_shards[i]
      FROM generate_series(1, account_count) AS i ORDER BY 1, 2, 3, 4
      ON CONFLICT DO NOTHING;
  END LOOP;
  earlier_balances := balances;

  FOR i IN 1..journal_count LOOP
    journal_ids[i] := nextval('journal_ids');
    hashes[i] := sha256(convert_to(keys[i], 'UTF8'));
    posted[i] := true;
  END LOOP;
  INSERT INTO journal_keys (key_hash, journal_id, posted_at)
    SELECT hashes[i], journal_ids[i], now() FROM generate_series(1, journal_count) AS i ORDER BY 1, 2
    ON CONFLICT DO NOTHING;
  GET DIAGNOSTICS inserted = ROW_COUNT;
  IF inserted < journal_count THEN
    SELECT array_agg(k.journal_id = journal_ids[i] ORDER BY i), array_agg(k.journal_id ORDER BY i) INTO posted, journal_ids
      FROM unnest(hashes) WITH ORDINALITY AS w (hash, i) JOIN journal_keys k ON k.key_hash = w.hash;
  END IF;

  FOR i IN 1..transfer_count LOOP
    IF journals_of[i] <> journal THEN
      IF journals_of[i] <> journal + 1 THEN
        RAISE EXCEPTION 'transfers of journal % come after those of journal %', journals_of[i], journal;
      END IF;
      journal := journal + 1;
      number := 0;
    END IF;
    number := number + 1;
    numbers[i] := number;
    CONTINUE WHEN NOT posted[journal];
    source := sources[i];
    target := targets[i];
    units := amounts[i];
    IF account_assets[source] <> account_assets[target] OR units <> trunc(units) THEN
      RAISE EXCEPTION 'a transfer moves whole units of one asset, not % from % to %', units, account_assets[source],
        account_assets[target];
    END IF;
    IF units > balances[source] AND NOT unlimited[source] THEN
      RAISE EXCEPTION '%:% has % % and cannot give %', account_kinds[source], account_refs[source], balances[source],
        account_assets[source], units USING ERRCODE = 'LG001';
    END IF;
    balances[source] := balances[source] - units;
    balances[target] := balances[target] + units;
    source_balances[i] := balances[source];
    target_balances[i] := balances[target];
  END LOOP;
  IF journal <> journal_count THEN
    RAISE EXCEPTION 'journal % has no transfers', journal + 1;
  END IF;

  INSERT INTO journals (id, key_hash, kind, cause, price_evidence_id, rule_version, effective_at, posted_at)
    SELECT journal_ids[i], hashes[i], kinds[i], causes[i], price_evidence_ids[i], rule_versions[i], effective_ats[i], now()
    FROM generate_series(1, journal_count) AS i WHERE posted[i];
  INSERT INTO transfers (journal_id, n, from_account, to_account, units, from_balance, to_balance, place_height,
      place_tx, tenant_id, posted_at)
    SELECT journal_ids[journals_of[i]], numbers[i], ids[sources[i]], ids[targets[i]], amounts[i], source_balances[i],
      target_balances[i], place_heights[i], place_txs[i], tenant_ids[journals_of[i]], now()
    FROM generate_series(1, transfer_count) AS i WHERE posted[journals_of[i]];
  UPDATE accounts a SET balance = balances[i]
    FROM unnest(ids) WITH ORDINALITY AS w (id, i)
    WHERE a.id = w.id AND balances[i] <> earlier_balances[i];

  IF inserted < journal_count THEN
    PERFORM ledger_expect_same(keys[j], ARRAY(
        SELECT ROW (kinds[j], tenant_ids[j], account_kinds[sources[i]], account_refs[sources[i]],
          account_kinds[targets[i]], account_refs[targets[i]], account_assets[sources[i]], amounts[i], place_txs[i])::text
        FROM generate_series(1, transfer_count) AS i WHERE journals_of[i] = j ORDER BY i))
      FROM generate_series(1, journal_count) AS j WHERE NOT posted[j];
  END IF;
  RETURN NEXT;
END
$$;

-- Length in bytes before each field, so that no two journals read the same; `-` for a field that is missing.
CREATE FUNCTION ledger_field(field text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce(octet_length(convert_to(field, 'UTF8')) || ':' || field, '-') || ','
$$;

-- Times are whole microseconds since 1970.
CREATE FUNCTION ledger_time(at timestamptz) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT public.ledger_field((extract(epoch FROM at) * 1000000)::numeric(30, 0)::text)
$$;

-- Seals at most `batch` journals and returns how many: each gets the next `seq` and
--   hash = sha256(hash of the seal before, 32 zero bytes at first || canonical text in UTF-8)
-- where the canonical text is the `ledger_field` of, for the journal: id, key hash in hexadecimal, kind, cause, price
-- evidence, rule version, effective_at, posted_at; then for each transfer: n, kind, ref, asset and shard of the account
-- it leaves, kind, ref and shard of the account it enters, units, both balances, place height, place transaction, tenant.
-- Only journals of transactions below the oldest one still running are sealed, so that none can appear behind a seal. Of
-- those, in the order of ids, only up to the first journal seen of a later transaction: an account's journals keep the
-- order in which they changed it, also where a transaction got its number long before it posted.
CREATE FUNCTION ledger_seal(batch integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  state sealer;
  oldest xid8;
  last_id bigint;
  head bytea;
  at bigint;
  sealed integer := 0;
  ready record;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' OR pg_current_xact_id_if_assigned() IS NOT NULL THEN
    RAISE EXCEPTION 'ledger_seal needs READ COMMITTED and a transaction that has not written';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('ledger_seal', 0));
  SELECT * INTO state FROM sealer;
  -- A transaction has its own number before it numbers a journal, and this one gets its number below: whoever has a
  -- later one numbers journals above `last_id`.
  SELECT CASE WHEN is_called THEN last_value ELSE 0 END INTO last_id FROM journal_ids;
  oldest := pg_snapshot_xmin(pg_current_snapshot());
  SELECT seq, hash INTO at, head FROM seals ORDER BY seq DESC LIMIT 1;
  IF NOT FOUND THEN
    at := 0;
    head := decode(repeat('00', 32), 'hex');
  END IF;
  FOR ready IN
    WITH open AS MATERIALIZED (
      SELECT j.id, j.posted_at, j.xid < oldest AS ended FROM journals j
      WHERE j.id > state.sealed_id AND NOT EXISTS (SELECT FROM seals s WHERE s.journal_id = j.id))
    SELECT j.*,
      ledger_field(j.id::text) || ledger_field(encode(j.key_hash, 'hex')) || ledger_field(j.kind) || ledger_field(j.cause)
        || ledger_field(j.price_evidence_id) || ledger_field(j.rule_version) || ledger_time(j.effective_at)
        || ledger_time(j.posted_at) || moved.text AS canonical
    FROM (SELECT o.id, o.posted_at FROM open o
        WHERE o.ended AND o.id < coalesce((SELECT min(id) FROM open WHERE NOT ended), o.id + 1)
        ORDER BY o.id LIMIT batch) o
    JOIN journals j ON j.id = o.id AND j.posted_at = o.posted_at
    CROSS JOIN LATERAL (
      SELECT string_agg(ledger_field(t.n::text) || ledger_field(f.kind) || ledger_field(f.ref) || ledger_field(f.asset)
        || ledger_field(f.shard::text) || ledger_field(g.kind) || ledger_field(g.ref) || ledger_field(g.shard::text)
        || ledger_field(t.units::text) || ledger_field(t.from_balance::text) || ledger_field(t.to_balance::text)
        || ledger_field(t.place_height::text) || ledger_field(t.place_tx) || ledger_field(t.tenant_id), '' ORDER BY t.n)
      FROM transfers t JOIN accounts f ON f.id = t.from_account JOIN accounts g ON g.id = t.to_account
      WHERE t.journal_id = j.id AND t.posted_at = j.posted_at) AS moved (text)
    ORDER BY j.id
  LOOP
    at := at + 1;
    head := sha256(head || convert_to(ready.canonical, 'UTF8'));
    INSERT INTO seals (seq, journal_id, posted_at, hash) VALUES (at, ready.id, ready.posted_at, head);
    sealed := sealed + 1;
  END LOOP;
  IF oldest > state.mark_xid AND last_id > state.sealed_id THEN
    state.sealed_id := coalesce(
      (SELECT j.id - 1 FROM journals j
        WHERE j.id > state.sealed_id AND j.id <= state.mark_id AND NOT EXISTS (SELECT FROM seals s WHERE s.journal_id = j.id)
        ORDER BY j.id LIMIT 1),
      state.mark_id);
    IF state.sealed_id = state.mark_id THEN
      state.mark_id := last_id;
      state.mark_xid := pg_current_xact_id();
    END IF;
    UPDATE sealer SET sealed_id = state.sealed_id, mark_id = state.mark_id, mark_xid = state.mark_xid;
  END IF;
  RETURN sealed;
END
$$;

REVOKE ALL ON accounts, sealer FROM PUBLIC, lockstep_app;
REVOKE ALL ON SEQUENCE journal_ids FROM PUBLIC, lockstep_app;
GRANT SELECT ON accounts, sealer TO lockstep_app;
REVOKE ALL ON FUNCTION ledger_open_account, ledger_refuse_change, ledger_freeze, ledger_create_partitions, ledger_expect_same, ledger_post,
  ledger_seal FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger_create_partitions, ledger_post, ledger_seal TO lockstep_app;
