-- I11: a gate may work without us for four hours at most; after that it lets in nobody whose ticket was revoked. A
-- supervisor may, and that is reported.
CREATE VIEW audit.i11_revoked_stays_out AS
SELECT a.issuer_id, format('admission %s %s %s', a.gate_id, a.scan_id, a.person) AS subject,
    format('at %s, and the ticket was revoked at %s', a.at, t.revoked_at) AS problem
FROM admission a JOIN ticket t ON t.id = a.ticket_id
WHERE a.at > t.revoked_at + interval '4 hours' AND NOT EXISTS (
    SELECT FROM incident n
    WHERE (n.gate_id, n.scan_id, n.ticket_id, n.kind) = (a.gate_id, a.scan_id, a.ticket_id, 'revoked_admitted')
)
