-- I5: a use is used once, in order, and no more of them than were bought; a gift hands on what is left, no more. Whoever
-- came in beyond that is accounted for, and nobody is inside who was not let in.
CREATE VIEW audit.i5_admissions_within_uses AS
WITH used AS (
    SELECT ticket_id, count(use_no) AS times, count(DISTINCT use_no) AS uses, max(use_no) AS last FROM admission
    GROUP BY 1
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
SELECT c.issuer_id, 'credential ' || c.ticket_id, format('%s people of it are inside, and %s were let in',
    c.inside, c.uses - c.uses_left + c.carried)
FROM credential c WHERE c.inside NOT BETWEEN 0 AND c.uses - c.uses_left + c.carried
UNION ALL
-- Who went over to the ticket that was issued anew was let in by the one before, or came with that one itself.
SELECT c.issuer_id, 'credential ' || c.ticket_id, format('%s people came with it, and %s were let in by the one before',
    c.carried, before.uses - before.uses_left + before.carried)
FROM credential c JOIN credential before ON before.ticket_id = c.replaces
WHERE c.carried > before.uses - before.uses_left + before.carried
UNION ALL
SELECT t.issuer_id, 'ticket ' || t.id, format('%s uses, and the ticket %s it was given from had %s left',
    t.uses, before.ticket_id, before.uses_left)
FROM ticket t JOIN credential before ON before.ticket_id = t.gift_of JOIN issuer i ON i.id = t.issuer_id
-- Issued anew, the right to come in again is a use; and a pass stays one. Who is inside no copy of another house tells.
WHERE t.uses > CASE t.came_by WHEN 'reissued' THEN before.uses + before.carried ELSE before.uses_left END
    AND t.uses <> 9999 AND (t.came_by <> 'reissued' OR i.served_by = 'local')
UNION ALL
SELECT a.issuer_id, format('admission %s %s %s', a.gate_id, a.scan_id, a.person),
    format('gate %s has no scan %s that let it in', a.gate_id, a.scan_id)
FROM admission a JOIN issuer i ON i.id = a.issuer_id AND i.served_by = 'local'
    LEFT JOIN scan s ON (s.gate_id, s.scan_id) = (a.gate_id, a.scan_id) AND s.kind IN ('admission', 'override')
        AND s.answer @> '{"admit": true}' AND s.ticket_id = a.ticket_id AND s.undone_by IS NULL
WHERE s.scan_id IS NULL
UNION ALL
-- Only a supervisor lets in more than were bought, and says why; or gates that could not ask, and that is reported.
SELECT a.issuer_id, format('admission %s %s %s', a.gate_id, a.scan_id, a.person),
    'is one more than was bought, and neither overridden nor reported'
FROM admission a JOIN issuer i ON i.id = a.issuer_id AND i.served_by = 'local'
WHERE a.use_no IS NULL AND NOT EXISTS (
    SELECT FROM scan s WHERE (s.gate_id, s.scan_id, s.kind) = (a.gate_id, a.scan_id, 'override')
) AND NOT EXISTS (
    SELECT FROM incident n WHERE n.ticket_id = a.ticket_id AND n.kind IN ('double_admission', 'revoked_admitted')
)
