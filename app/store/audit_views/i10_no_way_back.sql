-- I10: nothing moves backwards. Whatever bears the mark of a later state is in that state, or beyond it.
CREATE VIEW audit.i10_no_way_back AS
SELECT b.issuer_id, 'booking ' || b.id AS subject, CASE
    WHEN b.settled_at IS NULL THEN format('is %s, and was never settled', b.state)
    ELSE format('was settled at %s, and is %s', b.settled_at, b.state) END AS problem
FROM booking b WHERE (b.settled_at IS NOT NULL) <> (b.state IN ('paid', 'refunded'))
UNION ALL
SELECT p.issuer_id, 'payment ' || p.id, format('is on the books as sold, and is %s', p.state)
FROM transfer t JOIN payment p ON t.key = 'sale-' || p.id AND t.issuer_id = p.issuer_id
WHERE p.state NOT IN ('captured', 'refunded')
UNION ALL
SELECT p.issuer_id, 'payment ' || p.id, format('attempt %s is %s, and attempt %s came after it', p.attempt, p.state,
    later.attempt)
FROM payment p JOIN (SELECT booking_id, max(attempt) AS attempt FROM payment GROUP BY 1) later USING (booking_id)
WHERE p.attempt < later.attempt AND p.state IN ('created', 'submitted', 'requires_action', 'authorized', 'unknown')
UNION ALL
SELECT p.issuer_id, 'payment ' || p.id, format('is refunded, and only %s of its %s %s went back', p.refunded,
    p.amount, p.currency)
FROM payment p WHERE p.state = 'refunded' AND p.refunded < p.amount
UNION ALL
SELECT b.issuer_id, 'booking ' || b.id, format('is refunded, and its payment %s is %s', p.id, p.state)
FROM booking b JOIN payment p ON p.booking_id = b.id AND p.state = 'captured' WHERE b.state = 'refunded'
UNION ALL
SELECT t.issuer_id, 'ticket ' || t.id, CASE WHEN t.revoked_at IS NULL THEN 'is revoked, and nobody knows when'
    ELSE format('was revoked at %s, and is %s', t.revoked_at, t.state) END
FROM ticket t WHERE (t.revoked_at IS NOT NULL) <> (t.state = 'revoked')
UNION ALL
SELECT t.issuer_id, 'ticket ' || t.id, format('was given on as ticket %s, and is %s', gift.id, t.state)
FROM ticket gift JOIN ticket t ON t.id = gift.gift_of WHERE t.state <> 'revoked'
UNION ALL
SELECT h.issuer_id, 'handover ' || h.id, format('is %s, and its ticket %s', h.state,
    CASE WHEN t.id IS NULL THEN 'is not there' ELSE 'is ' || t.state END)
FROM handover h LEFT JOIN ticket t ON (t.id, t.gift_of) = (h.id, h.ticket_id)
WHERE (h.state = 'done') <> (t.id IS NOT NULL)
UNION ALL
SELECT d.issuer_id, 'delivery ' || d.id, CASE WHEN d.arrived_at IS NULL THEN 'has arrived, and nobody knows when'
    ELSE format('arrived at %s, and is %s', d.arrived_at, d.state) END
FROM delivery d WHERE (d.arrived_at IS NOT NULL) <> (d.state = 'delivered')
UNION ALL
SELECT d.issuer_id, 'delivery ' || d.id, format('the carrier has said that every part of try %s arrived, and it is %s',
    part.try_seq, d.state)
FROM delivery d JOIN (
    SELECT delivery_id, try_seq FROM delivery_part GROUP BY 1, 2 HAVING bool_and(told IS NOT DISTINCT FROM 'DELIVERED')
) part ON part.delivery_id = d.id AND part.try_seq > d.tried
WHERE d.state IN ('queued', 'sent')
UNION ALL
SELECT r.issuer_id, 'refund ' || r.id, format('is on the books as owed, and is %s', r.state)
FROM transfer t JOIN refund r ON t.key = 'due-' || r.id AND t.issuer_id = r.issuer_id
WHERE r.state IN ('asked', 'refused')
UNION ALL
SELECT d.issuer_id, 'dispute ' || d.id, format('is on the books as %s, and is %s', t.kind, d.state)
FROM transfer t JOIN dispute d ON t.key IN ('won-' || d.id, 'lost-' || d.id) AND t.issuer_id = d.issuer_id
-- One that was lost may be won on appeal.
WHERE t.kind <> 'dispute_' || d.state AND (t.kind, d.state) <> ('dispute_lost', 'won')
