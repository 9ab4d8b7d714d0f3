-- I13: what people wrote, and what other programs said, holds no full phone number, card number, PIN, link or key.
CREATE VIEW audit.i13_no_secrets AS
SELECT w.issuer_id, w.subject, w.field || ' holds ' || leak AS problem
FROM (
    SELECT issuer_id, 'outbox ' || id AS subject, 'last_error' AS field, last_error AS said FROM outbox
    UNION ALL SELECT issuer_id, 'delivery ' || id, 'reason', reason FROM delivery
    UNION ALL SELECT issuer_id, 'delivery ' || id, 'reply', reply::text FROM delivery
    UNION ALL SELECT d.issuer_id, 'delivery_try ' || y.delivery_id || ' ' || y.seq, 'reason', y.reason
        FROM delivery_try y JOIN delivery d ON d.id = y.delivery_id
    UNION ALL SELECT issuer_id, 'payment ' || id, 'detail', detail FROM payment
    UNION ALL SELECT issuer_id, 'refund ' || id, 'detail', detail FROM refund
    UNION ALL SELECT issuer_id, 'refund ' || id, 'note', note FROM refund
    UNION ALL SELECT issuer_id, 'refund ' || id, 'asked_by', asked_by FROM refund
    UNION ALL SELECT issuer_id, 'dispute ' || id, 'evidence', evidence::text FROM dispute
    UNION ALL SELECT issuer_id, 'dispute ' || id, 'reason', reason FROM dispute
    UNION ALL SELECT issuer_id, 'ticket ' || id, 'revoked_why', revoked_why FROM ticket
    UNION ALL SELECT issuer_id, 'settlement ' || id, 'note', note FROM settlement
    UNION ALL SELECT issuer_id, format('journal %s %s', chain, seq), 'details', details::text FROM journal
    UNION ALL SELECT issuer_id, format('journal %s %s', chain, seq), 'subject', subject FROM journal
    UNION ALL SELECT issuer_id, format('journal %s %s', chain, seq), 'actor', actor FROM journal
) w CROSS JOIN LATERAL audit.leak(w.said) AS leak
WHERE w.said IS NOT NULL AND leak IS NOT NULL
