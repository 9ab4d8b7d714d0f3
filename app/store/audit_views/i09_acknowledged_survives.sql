-- I9: what was answered is kept. The settings that make a commit durable are on, and what we said yes to is written.
CREATE VIEW audit.i9_acknowledged_survives AS
SELECT NULL::uuid AS issuer_id, 'setting ' || s.name AS subject,
    format('is %s: a commit may be lost with the machine''s power', s.setting) AS problem
FROM pg_settings s WHERE s.name IN ('fsync', 'full_page_writes', 'synchronous_commit') AND s.setting = 'off'
UNION ALL
SELECT s.issuer_id, 'scan ' || s.gate_id || ' ' || s.scan_id,
    format('let ticket %s in at %s, and no admission is written', s.ticket_id, s.at)
FROM scan s LEFT JOIN admission a ON (a.gate_id, a.scan_id, a.ticket_id) = (s.gate_id, s.scan_id, s.ticket_id)
WHERE s.kind IN ('admission', 'override') AND s.answer @> '{"admit": true}' AND s.reason <> 'reentered'
    AND s.undone_by IS NULL AND a.ticket_id IS NULL
UNION ALL
SELECT s.issuer_id, 'scan ' || s.gate_id || ' ' || s.scan_id,
    format('took value from voucher %s at %s, and no spending is written', s.ticket_id, s.at)
FROM scan s LEFT JOIN spend p ON (p.issuer_id, p.key) = (s.issuer_id, 'gate/' || s.gate_id || '/' || s.scan_id)
WHERE s.kind = 'redemption' AND s.reason = 'redeemed' AND p.ticket_id IS DISTINCT FROM s.ticket_id
    -- What a gate redeemed without network it may have taken back, or there was nothing left, and that is reported.
    AND NOT (s.answer @> '{"offline": true}' AND (s.undone_by IS NOT NULL OR EXISTS (
        SELECT FROM incident n WHERE (n.kind, n.gate_id, n.scan_id) = ('overspent', s.gate_id, s.scan_id)
    )))
UNION ALL
SELECT NULL, 'inbox ' || m.id, format('taken from the carrier at %s, and nobody is to answer it', m.received_at)
FROM inbox m WHERE m.answered_at IS NULL AND NOT EXISTS (
    SELECT FROM outbox o WHERE o.topic = 'converse' AND o.key = m.id::text AND o.done_at IS NULL
)
UNION ALL
-- Both are kept for a month.
SELECT NULL, 'payment_event ' || e.event_id, format('%s told it at %s, and nobody is to look after it', e.provider,
    e.received_at)
FROM payment_event e LEFT JOIN (
    SELECT DISTINCT payload ->> 'provider' AS provider, payload ->> 'reference' AS reference FROM outbox
    WHERE topic = 'news'
) o ON (o.provider, o.reference) = (e.provider, e.reference)
WHERE o.reference IS NULL AND e.received_at > audit.clock() - interval '29 days'
