-- What the thirteen views share. Each statement ends with a semicolon at the end of a line, and holds no other there.

-- Now, as the audit's caller has it: rows are dated by the house's clock. Whoever looks by hand gets the server's.
CREATE FUNCTION audit.clock() RETURNS timestamptz LANGUAGE sql STABLE
    RETURN coalesce(nullif(current_setting('audit.clock', true), '')::timestamptz, now());

-- How long a consequence may take that is to come "at once".
CREATE FUNCTION audit.patience() RETURNS interval LANGUAGE sql IMMUTABLE
    RETURN interval '60 seconds';

-- Consequences that will be carried out: a row that is long due and that nobody works on excuses nothing.
CREATE VIEW audit.owed AS
SELECT topic, payload FROM outbox
WHERE done_at IS NULL AND dead_at IS NULL
    AND (due_at > audit.clock() - audit.patience() OR lease_until > audit.clock());

-- Both sides of every transfer: what was credited, and, below zero, what was debited.
CREATE VIEW audit.posting AS
SELECT booking_id, kind, credit_id AS account_id, amount AS credit FROM transfer
UNION ALL SELECT booking_id, kind, debit_id, -amount FROM transfer;

-- Tickets whose money has gone back, or is owed.
CREATE VIEW audit.refunded_ticket AS
SELECT DISTINCT w.ticket_id FROM refund r CROSS JOIN LATERAL unnest(r.ticket_ids) AS w(ticket_id)
WHERE r.state IN ('due', 'pending', 'succeeded', 'failed');

-- Whether the last digit checks the others (ISO/IEC 7812-1, annex B).
CREATE FUNCTION audit.is_luhn(digits text) RETURNS boolean LANGUAGE sql IMMUTABLE
    RETURN (
        SELECT sum(doubled / 10 + doubled % 10) % 10 = 0
        FROM generate_series(1, length(digits)) AS place,
            LATERAL (SELECT substr(digits, place, 1)::integer * (1 + (length(digits) - place) % 2) AS doubled) AS d
    );

-- What a text holds that should stand nowhere, or null; the patterns are those of app/domain/leaks.py.
CREATE FUNCTION audit.leak(said text) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN (
        SELECT CASE
            WHEN bare ~ {PHONE} THEN {PHONE_WORDS}
            WHEN bare ~ {PIN} THEN {PIN_WORDS}
            WHEN bare ~ {LINK} THEN {LINK_WORDS}
            WHEN bare ~ {KEY} THEN {KEY_WORDS}
            WHEN EXISTS (
                SELECT FROM regexp_matches(bare, {CARD}, 'g') AS found
                WHERE audit.is_luhn(regexp_replace(found[1], '[ -]', '', 'g'))
            ) THEN {CARD_WORDS}
        END
        FROM (SELECT regexp_replace(said, {UUID}, '', 'g') AS bare) AS without_ids
        -- Most texts hold nothing that could be one, and there are many of them.
        WHERE said ~ '[0-9]{4}|/[tb]/|[ck]_|eyJ|PRIVATE KEY'
    );
