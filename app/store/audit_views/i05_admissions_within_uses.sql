-- I5: a use is used once, in order, and no more of them than were bought; a gift hands on what is left, no more.
CREATE VIEW audit.i5_admissions_within_uses AS
WITH used AS (
    SELECT ticket_id, count(*) AS times, count(DISTINCT use_no) AS uses, max(use_no) AS last FROM admission GROUP BY 1
)
SELECT c.issuer_id, 'credential ' || c.ticket_id AS subject,
    format('%s admissions for %s uses', used.times, used.uses) AS problem
FROM used JOIN credential c USING (ticket_id) WHERE used.times > used.uses
UNION ALL
SELECT c.issuer_id, 'credential ' || c.ticket_id, format('use %s of %s', used.last, c.uses)
FROM used JOIN credential c USING (ticket_id) WHERE used.last > c.uses
UNION ALL
SELECT c.issuer_id, 'credential ' || c.ticket_id, format('its last use is the %sth, and %s are written', used.last,
    used.uses)
FROM used JOIN credential c USING (ticket_id) WHERE used.last <> used.uses
UNION ALL
-- A voucher's one use may go with its balance.
SELECT c.issuer_id, 'credential ' || c.ticket_id, format('%s of %s uses left after %s admissions',
    c.uses_left, c.uses, coalesce(used.uses, 0))
FROM credential c LEFT JOIN used USING (ticket_id)
WHERE CASE WHEN c.kind = 'voucher' THEN c.uses_left > c.uses - coalesce(used.uses, 0)
    ELSE c.uses_left <> c.uses - coalesce(used.uses, 0) END
UNION ALL
SELECT t.issuer_id, 'ticket ' || t.id, format('%s uses, and the ticket %s it was given from had %s left',
    t.uses, before.ticket_id, before.uses_left)
FROM ticket t JOIN credential before ON before.ticket_id = t.gift_of WHERE t.uses > before.uses_left
UNION ALL
SELECT a.issuer_id, 'admission ' || a.ticket_id || ' ' || a.use_no,
    format('gate %s has no scan %s that let it in', a.gate_id, a.scan_id)
FROM admission a JOIN issuer i ON i.id = a.issuer_id AND i.served_by = 'local'
    LEFT JOIN scan s ON (s.gate_id, s.scan_id) = (a.gate_id, a.scan_id)
        AND s.kind = 'admission' AND s.answer @> '{"admit": true}' AND s.ticket_id = a.ticket_id
WHERE s.scan_id IS NULL
