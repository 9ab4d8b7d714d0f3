-- I2: whoever has paid for longer than a minute has the tickets, or the money is on its way back.
CREATE VIEW audit.i2_captured_has_tickets AS
SELECT p.issuer_id, 'payment ' || p.id AS subject,
    format('%s %s captured at %s for a booking that is %s, and no refund is under way',
        p.amount, p.currency, p.updated_at, b.state) AS problem
FROM payment p JOIN booking b ON b.id = p.booking_id
WHERE p.state = 'captured' AND b.state NOT IN ('paid', 'refunded')
    AND p.updated_at < audit.clock() - audit.patience()
    AND NOT EXISTS (SELECT FROM refund r WHERE r.payment_id = p.id AND r.state <> 'refused')
UNION ALL
SELECT b.issuer_id, 'booking ' || b.id, format('paid at %s, and %s of its %s items have no ticket',
    b.settled_at, count(*) FILTER (WHERE t.item_id IS NULL), count(*))
FROM booking b JOIN booking_item item ON item.booking_id = b.id
    LEFT JOIN (SELECT DISTINCT item_id FROM ticket) t ON t.item_id = item.id
WHERE b.state IN ('paid', 'refunded') AND b.settled_at < audit.clock() - audit.patience()
GROUP BY b.id HAVING bool_or(t.item_id IS NULL)
UNION ALL
SELECT r.issuer_id, 'refund ' || r.id, format('%s %s %s since %s, and nobody carries it on',
    r.amount, r.currency, r.state, r.updated_at)
FROM refund r
-- The worker looks for forgotten ones by itself; one that it does not find either is lost.
WHERE r.state IN ('asked', 'due') AND r.updated_at < audit.clock() - 5 * audit.patience()
    -- Refunds that were asked for together are carried on together.
    AND NOT EXISTS (
        SELECT FROM audit.owed
        WHERE owed.topic = 'refund' AND owed.payload ->> 'refund' IN (r.id::text, r.together_with::text)
    )
