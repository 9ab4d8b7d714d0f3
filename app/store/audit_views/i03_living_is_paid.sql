-- I3: every living ticket is paid for, or was to cost nothing; and nobody has both the ticket and the money.
CREATE VIEW audit.i3_living_is_paid AS
WITH living AS (SELECT * FROM ticket WHERE state <> 'revoked'),
paid AS (
    SELECT booking_id, sum(amount) AS amount FROM payment WHERE state IN ('captured', 'refunded') GROUP BY 1
)
SELECT t.issuer_id, 'ticket ' || t.id AS subject, format('lives, and its booking %s is %s', b.id, b.state) AS problem
FROM living t JOIN booking b ON b.id = t.booking_id WHERE b.state <> 'paid'
UNION ALL
SELECT t.issuer_id, 'ticket ' || t.id, format('lives, and of the %s %s of its booking %s %s were captured',
    b.amount, b.currency, b.id, coalesce(paid.amount, 0))
FROM living t JOIN booking b ON b.id = t.booking_id LEFT JOIN paid ON paid.booking_id = b.id
WHERE b.state = 'paid' AND coalesce(paid.amount, 0) < b.amount
UNION ALL
SELECT t.issuer_id, 'ticket ' || t.id, format('lives, and the money of its refund %s is %s', r.id, r.state)
FROM refund r CROSS JOIN LATERAL unnest(r.ticket_ids) AS w(ticket_id) JOIN living t ON t.id = w.ticket_id
WHERE r.state IN ('due', 'pending', 'succeeded', 'failed')
UNION ALL
SELECT b.issuer_id, 'booking ' || b.id, format('costs %s %s, and its items %s together',
    b.amount, b.currency, coalesce(item.amount, 0))
FROM booking b LEFT JOIN (SELECT booking_id, sum(amount) AS amount FROM booking_item GROUP BY 1) item
    ON item.booking_id = b.id
WHERE b.amount <> coalesce(item.amount, 0)
