-- I8: the issuer's register says what our books say. News on its way is no breach; of another house's register we have
-- a copy, and `cyberticket audit` asks that house besides.
CREATE VIEW audit.i8_register_is_ours AS
WITH telling AS (
    SELECT payload ->> 'ticket' AS ticket FROM audit.owed WHERE topic IN ('register', 'revoke', 'suspend', 'replace')
    UNION
    -- Its tickets are revoked at the register first, and on our books with the money.
    SELECT w.ticket_id::text FROM refund r CROSS JOIN LATERAL unnest(r.ticket_ids) AS w(ticket_id)
    WHERE r.state = 'asked'
)
SELECT t.issuer_id, 'ticket ' || t.id AS subject, 'is not in the register, and nobody is to tell it' AS problem
FROM ticket t LEFT JOIN credential c ON c.ticket_id = t.id
WHERE c.ticket_id IS NULL AND NOT EXISTS (SELECT FROM telling WHERE telling.ticket = t.id::text)
UNION ALL
SELECT t.issuer_id, 'ticket ' || t.id, format('is %s, and %s in the register, and nobody is to tell it', t.state,
    c.state)
FROM ticket t JOIN credential c ON c.ticket_id = t.id
WHERE t.state <> c.state AND NOT EXISTS (SELECT FROM telling WHERE telling.ticket = t.id::text)
UNION ALL
SELECT t.issuer_id, 'ticket ' || t.id, format('number %s, code %s, generation %s; in the register %s, %s, %s',
    t.number, t.code, t.generation, c.number, c.code, c.generation)
FROM ticket t JOIN credential c ON c.ticket_id = t.id
WHERE (t.issuer_id, t.number, t.code, t.generation, t.occasion_id)
    <> (c.issuer_id, c.number, c.code, c.generation, c.occasion_id)
UNION ALL
SELECT c.issuer_id, 'credential ' || c.ticket_id, 'is in the register, and nobody sold it'
FROM credential c LEFT JOIN ticket t ON t.id = c.ticket_id WHERE c.seller = '' AND t.id IS NULL
