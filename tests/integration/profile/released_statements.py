"""What profile-service 0.1.0 sends to its database: it must go on running while newer code is rolled out."""

CLAIM = """
INSERT INTO seen_touchpoint (touchpoint_id)
SELECT DISTINCT touchpoint_id FROM unnest($1::uuid[]) AS given (touchpoint_id) ORDER BY touchpoint_id
ON CONFLICT DO NOTHING RETURNING touchpoint_id
"""
READ = """
SELECT identifier.hash, fragment.profile_id, fragment.customer_id, fragment.version, fragment.joined
FROM identifier JOIN fragment USING (profile_id)
WHERE identifier.hash = ANY($1::bytea[])
"""
LOCK = "SELECT 1 FROM customer WHERE customer_id = ANY($1::uuid[]) ORDER BY customer_id FOR NO KEY UPDATE"
COUNT = """
SELECT fragment.customer_id, fragment.profile_id, fragment.version, identifier.type, count(identifier.hash) AS held
FROM fragment LEFT JOIN identifier USING (profile_id)
WHERE fragment.customer_id = ANY($1::uuid[])
GROUP BY fragment.profile_id, identifier.type ORDER BY fragment.profile_id
"""
NUMBERS = """
SELECT nextval('customer_sequence') - opened.base AS number
FROM customer_number_day AS opened, generate_series(1, $2::int) WHERE opened.day = $1
"""
LOCK_DAY = "SELECT pg_advisory_xact_lock(hashtextextended('profile.customer_number_day', 0))"
OPEN_DAY = """
INSERT INTO customer_number_day (day, base) SELECT $1::date, nextval('customer_sequence')
WHERE NOT EXISTS (SELECT FROM customer_number_day WHERE day = $1)
"""
FOUND_FRAGMENTS = """
INSERT INTO fragment (profile_id, customer_id, version, founded_at)
SELECT profile_id, customer_id, version, $4 FROM unnest($1::uuid[], $2::uuid[], $3::int[])
AS given (profile_id, customer_id, version) ORDER BY profile_id
"""
FOUND_CUSTOMERS = """
INSERT INTO customer (customer_id, customer_number, created_at)
SELECT customer_id, customer_number, $3 FROM unnest($1::uuid[], $2::text[])
AS given (customer_id, customer_number) ORDER BY customer_id
"""
ATTACH = """
INSERT INTO identifier (hash, type, profile_id, sealed, first_seen_at, touchpoint_id)
SELECT * FROM unnest($1::bytea[], $2::text[], $3::uuid[], $4::bytea[], $5::timestamptz[], $6::uuid[])
AS given (hash, type, profile_id, sealed, first_seen_at, touchpoint_id) ORDER BY hash
ON CONFLICT (hash) DO NOTHING
"""
MOVE_FRAGMENTS = """
UPDATE fragment SET customer_id = given.customer_id, version = given.version
FROM unnest($1::uuid[], $2::uuid[], $3::int[]) AS given (profile_id, customer_id, version)
WHERE fragment.profile_id = given.profile_id
"""
MARK_JOINED = "UPDATE fragment SET joined = true WHERE customer_id = ANY($1::uuid[]) AND NOT joined"
JOURNAL = """
INSERT INTO merge_journal
  (merge_id, customer_id, absorbed_customer_id, moved, touchpoint_id, identifier_type, identifier_hash, merged_at)
SELECT merge_id, customer_id, absorbed_customer_id,
  (SELECT array_agg(moved::uuid) FROM unnest(string_to_array(given.moved, ' ')) AS each (moved)),
  touchpoint_id, identifier_type, identifier_hash, $8
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::uuid[], $6::text[], $7::bytea[])
AS given (merge_id, customer_id, absorbed_customer_id, moved, touchpoint_id, identifier_type, identifier_hash)
"""
REFUSE = """
INSERT INTO link_refusal AS standing
  (strongest_hash, identifier_hash, identifier_type, reason, rule_type, touchpoint_id, times, first_at, last_at)
SELECT strongest_hash, identifier_hash, identifier_type, reason, rule_type, touchpoint_id, times, $8, $8
FROM unnest($1::bytea[], $2::bytea[], $3::text[], $4::text[], $5::text[], $6::uuid[], $7::int[])
AS given (strongest_hash, identifier_hash, identifier_type, reason, rule_type, touchpoint_id, times)
ORDER BY strongest_hash, identifier_hash
ON CONFLICT (strongest_hash, identifier_hash) DO UPDATE SET
  times = standing.times + excluded.times, last_at = excluded.last_at, touchpoint_id = excluded.touchpoint_id,
  reason = excluded.reason, rule_type = excluded.rule_type
"""
MEMBERS = """
SELECT customer_id, array_agg(profile_id ORDER BY profile_id) AS members
FROM fragment WHERE customer_id = ANY($1::uuid[]) GROUP BY customer_id
"""
ADD_ACTIVITY = """
INSERT INTO activity AS standing
  (profile_id, channel, currency, touchpoints, quantity, amount_minor, first_at, last_at)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[],
  $7::timestamptz[], $8::timestamptz[])
AS given (profile_id, channel, currency, touchpoints, quantity, amount_minor, first_at, last_at)
ORDER BY profile_id, channel, currency
ON CONFLICT (profile_id, channel, currency) DO UPDATE SET
  touchpoints = standing.touchpoints + excluded.touchpoints,
  quantity = standing.quantity + excluded.quantity,
  amount_minor = standing.amount_minor + excluded.amount_minor,
  first_at = least(standing.first_at, excluded.first_at),
  last_at = greatest(standing.last_at, excluded.last_at)
"""
KEEP_TRAITS = """
INSERT INTO trait AS standing (profile_id, name, sealed, channel, occurred_at, touchpoint_id)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::bytea[], $4::text[], $5::timestamptz[], $6::uuid[])
AS given (profile_id, name, sealed, channel, occurred_at, touchpoint_id) ORDER BY profile_id, name
ON CONFLICT (profile_id, name) DO UPDATE SET
  sealed = excluded.sealed, channel = excluded.channel,
  occurred_at = excluded.occurred_at, touchpoint_id = excluded.touchpoint_id
WHERE (excluded.occurred_at, excluded.touchpoint_id) > (standing.occurred_at, standing.touchpoint_id)
"""
ADD_TOTALS = """
INSERT INTO totals AS standing (source, touchpoints, fragments, merges)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[])
AS given (source, touchpoints, fragments, merges) ORDER BY source
ON CONFLICT (source) DO UPDATE SET
  touchpoints = standing.touchpoints + excluded.touchpoints,
  fragments = standing.fragments + excluded.fragments,
  merges = standing.merges + excluded.merges
"""
KEEP = """
INSERT INTO customer_score AS standing (customer_id, revision, computed_at, document)
SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::timestamptz[], $4::jsonb[])
AS given (customer_id, revision, computed_at, document) ORDER BY customer_id
ON CONFLICT (customer_id) DO UPDATE SET
  revision = excluded.revision, computed_at = excluded.computed_at, document = excluded.document
WHERE excluded.revision > standing.revision
RETURNING customer_id
"""
SURVIVORS = "SELECT profile_id, customer_id FROM fragment WHERE profile_id = ANY($1::uuid[])"
CUSTOMER = """
SELECT customer.customer_id, customer.customer_number, customer.created_at, member.profile_id, member.version,
  score.revision, score.computed_at, score.document
FROM fragment AS given
JOIN customer ON customer.customer_id = given.customer_id
JOIN fragment AS member ON member.customer_id = given.customer_id
LEFT JOIN customer_score AS score ON score.customer_id = member.profile_id
WHERE given.profile_id = $1 ORDER BY member.profile_id
"""
ACTIVITY = """
SELECT channel, currency, sum(touchpoints) AS touchpoints, sum(amount_minor) AS amount_minor,
  min(first_at) AS first_at, max(last_at) AS last_at
FROM activity WHERE profile_id = ANY($1::uuid[]) GROUP BY channel, currency ORDER BY channel, currency
"""
IDENTIFIERS = """
SELECT profile_id, type, hash, sealed, first_seen_at FROM identifier
WHERE profile_id = ANY($1::uuid[]) AND ($2::text IS NULL OR type = $2) ORDER BY first_seen_at, hash
"""
TRAITS = """
SELECT DISTINCT ON (fragment.customer_id, trait.name) fragment.customer_id, trait.profile_id, trait.name, trait.sealed,
  trait.channel, trait.occurred_at
FROM trait JOIN fragment USING (profile_id) WHERE trait.profile_id = ANY($1::uuid[])
ORDER BY fragment.customer_id, trait.name, trait.occurred_at DESC, trait.touchpoint_id DESC
"""
OWNER = """
SELECT customer_id, customer_number
FROM identifier JOIN fragment USING (profile_id) JOIN customer USING (customer_id) WHERE identifier.hash = $1
"""
SIBLINGS = """
SELECT given.profile_id, given.customer_id, array_agg(member.profile_id ORDER BY member.profile_id) AS members
FROM fragment AS given JOIN fragment AS member USING (customer_id)
WHERE given.profile_id = ANY($1::uuid[]) GROUP BY given.profile_id
"""
TOTALS = """
SELECT coalesce(sum(fragments) - sum(merges), 0) AS customers, coalesce(sum(fragments), 0) AS fragments,
  coalesce(sum(touchpoints), 0) AS touchpoints, coalesce(sum(merges), 0) AS merges
FROM totals
"""
