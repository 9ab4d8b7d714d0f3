-- I11: a gate may work without us for four hours at most; after that it lets in nobody whose ticket was revoked.
CREATE VIEW audit.i11_revoked_stays_out AS
SELECT a.issuer_id, 'admission ' || a.ticket_id || ' ' || a.use_no AS subject,
    format('at %s, and the ticket was revoked at %s', a.at, t.revoked_at) AS problem
FROM admission a JOIN ticket t ON t.id = a.ticket_id WHERE a.at > t.revoked_at + interval '4 hours'
