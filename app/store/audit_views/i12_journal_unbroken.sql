-- I12: nobody has changed the journal: each entry holds the hash of the one before, and its own.
CREATE VIEW audit.i12_journal_unbroken AS
WITH entry AS (
    SELECT j.*, lag(seq, 1, 0::bigint) OVER chain AS seq_before,
        lag(hash, 1, decode(repeat('00', 32), 'hex')) OVER chain AS hash_before
    FROM journal j WINDOW chain AS (PARTITION BY chain ORDER BY seq)
)
SELECT issuer_id, format('journal %s %s', chain, seq) AS subject,
    format('%s entries before it are missing', seq - seq_before - 1) AS problem
FROM entry WHERE seq <> seq_before + 1
UNION ALL
SELECT issuer_id, format('journal %s %s', chain, seq), 'does not follow from the entry before it'
FROM entry WHERE before <> hash_before
UNION ALL
SELECT issuer_id, format('journal %s %s', chain, seq), 'was changed after it was written'
FROM entry WHERE hash <> sha256(before || convert_to(jsonb_build_array(
    chain, seq, issuer_id, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    actor, action, subject, details
)::text, 'UTF8'))
UNION ALL
SELECT NULL, 'trigger journal_append_only', 'is not there or not switched on: entries can be changed'
WHERE NOT EXISTS (
    SELECT FROM pg_trigger
    WHERE tgrelid = 'journal'::regclass AND tgname = 'journal_append_only' AND tgenabled IN ('O', 'A')
)
