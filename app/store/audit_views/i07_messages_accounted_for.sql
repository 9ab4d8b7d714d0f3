-- I7: a message has arrived, is with the carrier, is still to be sent, or has failed for a reason that is written down.
CREATE VIEW audit.i7_messages_accounted_for AS
SELECT d.issuer_id, 'delivery ' || d.id AS subject, format('queued since %s, and %s', d.queued_at, CASE
    WHEN bool_or(o.dead_at IS NOT NULL) THEN 'its consequence is a dead letter'
    WHEN bool_or(o.done_at IS NOT NULL) THEN 'its consequence counts as done'
    ELSE 'nobody is to send it' END) AS problem
FROM delivery d LEFT JOIN outbox o ON o.topic = 'deliver' AND o.payload ->> 'delivery' = d.id::text
WHERE d.state = 'queued'
GROUP BY d.id HAVING NOT coalesce(bool_or(o.done_at IS NULL AND o.dead_at IS NULL AND o.id IS NOT NULL), false)
UNION ALL
SELECT d.issuer_id, 'delivery ' || d.id, 'failed without a reason'
FROM delivery d WHERE d.state = 'failed' AND coalesce(d.reason, '') = ''
UNION ALL
SELECT o.issuer_id, 'outbox ' || o.id, format('a dead letter of topic %s without a reason', o.topic)
FROM outbox o WHERE o.dead_at IS NOT NULL AND coalesce(o.last_error, '') = ''
UNION ALL
SELECT d.issuer_id, 'delivery ' || d.id, 'the carrier has it, and under which name is not written down'
FROM delivery d WHERE d.state = 'sent' AND (d.message_id IS NULL OR d.channel IS NULL OR d.sent_at IS NULL)
UNION ALL
SELECT t.issuer_id, 'ticket ' || t.id, 'no message ever brought it to its handset, or was to'
FROM ticket t LEFT JOIN (SELECT DISTINCT ticket_id FROM delivery WHERE purpose IN ('ticket', 'gift', 'reissued')) d
    ON d.ticket_id = t.id
-- One that was revoked before anybody had it was nobody's.
WHERE d.ticket_id IS NULL AND t.revoked_at IS DISTINCT FROM t.issued_at
