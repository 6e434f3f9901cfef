"""Tables and functions of the event log in PostgreSQL, and their installation.

Records are stored in batches, like Kafka does: one row holds what one append brought for one partition. A topic's
batches are partitioned by the UTC day of the append, so that retention drops tables instead of deleting rows.
"""

from __future__ import annotations

from typing import Any

import asyncpg

VERSION = 1

_OWNERSHIP = """
DO $$
BEGIN
    IF to_regnamespace('event_log') IS NULL THEN
        IF to_regrole('log_owner') IS NOT NULL THEN
            CREATE SCHEMA event_log AUTHORIZATION log_owner;
        ELSE
            CREATE SCHEMA event_log;
        END IF;
    END IF;
    IF to_regrole('log_owner') IS NOT NULL AND pg_has_role(current_user, 'log_owner', 'MEMBER')
       AND (SELECT nspowner FROM pg_namespace WHERE nspname = 'event_log') = to_regrole('log_owner') THEN
        SET LOCAL ROLE log_owner;
    END IF;
END $$;
"""

_TABLES = """
CREATE TABLE IF NOT EXISTS event_log.log_info (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    log_id uuid NOT NULL DEFAULT gen_random_uuid(),
    version integer NOT NULL
);
CREATE TABLE IF NOT EXISTS event_log.topic (
    topic_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    partitions integer NOT NULL CHECK (partitions > 0),
    retention_days integer NOT NULL CHECK (retention_days > 0)
);
CREATE TABLE IF NOT EXISTS event_log.partition_head (
    topic_id integer NOT NULL REFERENCES event_log.topic,
    partition integer NOT NULL,
    begin_offset bigint NOT NULL DEFAULT 0,
    next_offset bigint NOT NULL DEFAULT 0,
    appended_at timestamptz NOT NULL DEFAULT '-infinity',
    PRIMARY KEY (topic_id, partition)
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
CREATE TABLE IF NOT EXISTS event_log.record_batch (
    topic_id integer NOT NULL,
    partition integer NOT NULL,
    last_offset bigint NOT NULL,
    base_offset bigint NOT NULL,
    appended_at timestamptz NOT NULL,
    appended_on date NOT NULL,
    records bytea NOT NULL,
    PRIMARY KEY (topic_id, partition, last_offset, appended_on)
) PARTITION BY LIST (topic_id);
-- Values are ciphertext for the most part: trying to compress them costs time and saves nothing.
ALTER TABLE event_log.record_batch ALTER COLUMN records SET STORAGE EXTERNAL;
CREATE TABLE IF NOT EXISTS event_log.member (
    group_name text NOT NULL,
    member_id text NOT NULL,
    topic_ids integer[] NOT NULL,
    heartbeat_at timestamptz NOT NULL,
    PRIMARY KEY (group_name, member_id)
) WITH (fillfactor = 50);
CREATE TABLE IF NOT EXISTS event_log.lease (
    group_name text NOT NULL,
    topic_id integer NOT NULL,
    partition integer NOT NULL,
    owner text,
    epoch bigint NOT NULL DEFAULT 0,
    committed bigint,
    PRIMARY KEY (group_name, topic_id, partition)
) WITH (fillfactor = 50);
"""

# The heads are locked in key order and stay locked until commit: offsets are gapless in commit order, and appends of
# several producers cannot deadlock. Times never go back within a partition, so that a day is a prefix of the offsets.
_APPEND = """
CREATE OR REPLACE FUNCTION event_log.append(
    p_topics integer[], p_partitions integer[], p_counts integer[], p_records bytea[]
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_log, pg_temp AS $$
DECLARE
    written integer;
BEGIN
    PERFORM 1 FROM partition_head h
     WHERE (h.topic_id, h.partition) IN (SELECT t, p FROM unnest(p_topics, p_partitions) AS u(t, p))
     ORDER BY h.topic_id, h.partition FOR UPDATE;
    WITH batch AS (
        SELECT t, p, c, r, sum(c) OVER (PARTITION BY t, p ORDER BY n) AS upto
          FROM unnest(p_topics, p_partitions, p_counts, p_records) WITH ORDINALITY AS u(t, p, c, r, n)
    ), head AS (
        UPDATE partition_head h
           SET next_offset = h.next_offset + b.total, appended_at = greatest(h.appended_at, clock_timestamp())
          FROM (SELECT t, p, sum(c) AS total FROM batch GROUP BY t, p) b
         WHERE h.topic_id = b.t AND h.partition = b.p
        RETURNING h.topic_id, h.partition, h.next_offset - b.total AS base, h.appended_at
    )
    INSERT INTO record_batch (topic_id, partition, last_offset, base_offset, appended_at, appended_on, records)
    SELECT t, p, base + upto - 1, base + upto - c, appended_at, (appended_at AT TIME ZONE 'UTC')::date, r
      FROM batch JOIN head ON head.topic_id = t AND head.partition = p;
    GET DIAGNOSTICS written = ROW_COUNT;
    IF written <> cardinality(p_topics) THEN
        RAISE EXCEPTION 'append to a partition that does not exist' USING ERRCODE = 'no_data_found';
    END IF;
END $$;
"""

_CREATE = """
CREATE OR REPLACE FUNCTION event_log.create_topic(p_name text, p_partitions integer, p_retention_days integer)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = event_log, pg_temp AS $$
DECLARE
    known topic;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('guanxi event log', 0));
    SELECT * INTO known FROM topic WHERE name = p_name;
    IF FOUND AND known.partitions <> p_partitions THEN
        RAISE EXCEPTION 'topic % has % partitions, not %', p_name, known.partitions, p_partitions
            USING ERRCODE = 'duplicate_object';
    ELSIF FOUND THEN
        UPDATE topic SET retention_days = p_retention_days
         WHERE topic_id = known.topic_id AND retention_days <> p_retention_days;
        RETURN;
    END IF;
    INSERT INTO topic (name, partitions, retention_days) VALUES (p_name, p_partitions, p_retention_days)
    RETURNING * INTO known;
    INSERT INTO partition_head (topic_id, partition)
    SELECT known.topic_id, n FROM generate_series(0, p_partitions - 1) AS n;
    EXECUTE format('CREATE TABLE record_batch_%s PARTITION OF record_batch FOR VALUES IN (%s)'
        ' PARTITION BY RANGE (appended_on)', known.topic_id, known.topic_id);
    EXECUTE format('CREATE TABLE record_batch_%s_rest PARTITION OF record_batch_%s DEFAULT'
        ' WITH (toast_tuple_target = 8160)', known.topic_id, known.topic_id);
    PERFORM create_days(known.topic_id);
    IF to_regrole('log_app') IS NOT NULL THEN
        EXECUTE format('GRANT SELECT ON record_batch_%s TO log_app', known.topic_id);
    END IF;
END $$;

-- Days are attached rather than created in place: that does not block appends to the other days.
CREATE OR REPLACE FUNCTION event_log.create_days(p_topic_id integer) RETURNS void
LANGUAGE plpgsql SET search_path = event_log, pg_temp AS $$
DECLARE
    today date := (clock_timestamp() AT TIME ZONE 'UTC')::date;
    day date;
    name text;
    taken boolean;
BEGIN
    FOR day IN SELECT today + n FROM generate_series(0, 2) AS n LOOP
        name := format('record_batch_%s_%s', p_topic_id, to_char(day, 'YYYYMMDD'));
        EXECUTE format('SELECT EXISTS (SELECT 1 FROM record_batch_%s_rest WHERE appended_on = $1)', p_topic_id)
           INTO taken USING day;
        CONTINUE WHEN taken OR to_regclass(name) IS NOT NULL;
        EXECUTE format('CREATE TABLE %I (LIKE record_batch_%s INCLUDING ALL)'
            ' WITH (toast_tuple_target = 8160, autovacuum_vacuum_insert_threshold = -1)', name, p_topic_id);
        EXECUTE format('ALTER TABLE record_batch_%s ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
            p_topic_id, name, day, day + 1);
    END LOOP;
END $$;
"""

# The heads are updated before the table goes, in the order in which an append takes the same locks.
_RETENTION = """
CREATE OR REPLACE FUNCTION event_log.drop_days(p_topic_id integer, p_today date) RETURNS integer
LANGUAGE plpgsql SET search_path = event_log, pg_temp AS $$
DECLARE
    keep_from date;
    child text;
    dropped integer := 0;
BEGIN
    SELECT p_today - retention_days + 1 INTO keep_from FROM topic WHERE topic_id = p_topic_id;
    PERFORM 1 FROM partition_head WHERE topic_id = p_topic_id ORDER BY partition FOR UPDATE;
    EXECUTE format('UPDATE partition_head h SET begin_offset = d.upto'
        ' FROM (SELECT partition, max(last_offset) + 1 AS upto FROM record_batch_%s'
        '        WHERE appended_on < $2 GROUP BY partition) d'
        ' WHERE h.topic_id = $1 AND h.partition = d.partition AND h.begin_offset < d.upto', p_topic_id)
      USING p_topic_id, keep_from;
    FOR child IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
         WHERE i.inhparent = format('event_log.record_batch_%s', p_topic_id)::regclass
           AND c.relname ~ '_[0-9]{8}$' AND to_date(right(c.relname, 8), 'YYYYMMDD') < keep_from
    LOOP
        EXECUTE format('DROP TABLE %I', child);
        dropped := dropped + 1;
    END LOOP;
    EXECUTE format('DELETE FROM record_batch_%s_rest WHERE appended_on < $1', p_topic_id) USING keep_from;
    RETURN dropped;
END $$;

CREATE OR REPLACE FUNCTION event_log.prepare_days(p_topic_id integer) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = event_log, pg_temp AS $$
    SELECT pg_advisory_xact_lock(hashtextextended('guanxi event log', 0));
    SELECT create_days(p_topic_id);
$$;

CREATE OR REPLACE FUNCTION event_log.expire_days(p_topic_id integer) RETURNS integer
LANGUAGE sql SECURITY DEFINER SET search_path = event_log, pg_temp AS $$
    SELECT pg_advisory_xact_lock(hashtextextended('guanxi event log', 0));
    SELECT drop_days(p_topic_id, (clock_timestamp() AT TIME ZONE 'UTC')::date);
$$;
"""

# The application appends, creates and retains through functions only.
_GRANTS = """
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA event_log FROM PUBLIC;
DO $$
DECLARE
    known integer;
BEGIN
    IF to_regrole('log_app') IS NOT NULL THEN
        ALTER DEFAULT PRIVILEGES IN SCHEMA event_log REVOKE ALL ON TABLES FROM log_app;
        ALTER DEFAULT PRIVILEGES IN SCHEMA event_log REVOKE ALL ON FUNCTIONS FROM log_app;
        REVOKE ALL ON ALL FUNCTIONS IN SCHEMA event_log FROM log_app;
        GRANT USAGE ON SCHEMA event_log TO log_app;
        REVOKE ALL ON ALL TABLES IN SCHEMA event_log FROM log_app;
        GRANT SELECT ON event_log.log_info, event_log.topic, event_log.partition_head TO log_app;
        GRANT SELECT, INSERT, UPDATE, DELETE ON event_log.member, event_log.lease TO log_app;
        GRANT EXECUTE ON FUNCTION event_log.append, event_log.create_topic, event_log.prepare_days,
            event_log.expire_days TO log_app;
        FOR known IN SELECT topic_id FROM event_log.topic LOOP
            EXECUTE format('GRANT SELECT ON event_log.record_batch_%s TO log_app', known);
        END LOOP;
    END IF;
END $$;
"""


async def install(dsn: str) -> None:
    """Create or update the event log in the database of `dsn` (a role that may create the schema or owns it).

    Repeatable. The log gets its id when it is installed first. Needs PostgreSQL 15 or later.
    """
    connection = await asyncpg.connect(dsn)
    try:
        await install_on(connection)
    finally:
        await connection.close()


async def install_on(connection: Any) -> None:
    """`install` on an open asyncpg connection, in a transaction of its own."""
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('guanxi event log', 0))")
        for part in (_OWNERSHIP, _TABLES, _APPEND, _CREATE, _RETENTION):
            await connection.execute(part)
        await connection.execute(
            "INSERT INTO event_log.log_info (version) VALUES ($1)"
            " ON CONFLICT (only_row) DO UPDATE SET version = excluded.version",
            VERSION,
        )
        await connection.execute(_GRANTS)
