-- I6: stored value is never below zero, and is what went in less what came out.
CREATE VIEW audit.i6_value_kept AS
WITH spent AS (
    SELECT ticket_id, sum(amount) AS amount FROM spend GROUP BY 1
), topped AS (
    SELECT ticket_id, sum(amount) AS amount FROM transfer WHERE ticket_id IS NOT NULL AND kind = 'top_up' GROUP BY 1
), back AS (
    SELECT issuer_id, reverses, -sum(amount) AS amount FROM spend WHERE reverses IS NOT NULL GROUP BY 1, 2
)
SELECT a.issuer_id, 'account ' || a.id AS subject, format('balance %s %s', a.balance, a.currency) AS problem
FROM account a WHERE a.balance < 0
UNION ALL
SELECT a.issuer_id, 'account ' || a.id, format('balance %s %s, and its transfers sum up to %s',
    a.balance, a.currency, coalesce(sum(p.credit), 0))
FROM account a LEFT JOIN audit.posting p ON p.account_id = a.id WHERE a.kind = 'prepaid'
GROUP BY a.id HAVING a.balance <> coalesce(sum(p.credit), 0)
UNION ALL
-- What is set aside waits for issuers' own servers, and is paid or given back when they have answered.
SELECT a.issuer_id, 'account ' || a.id, format('%s %s set aside, and hand-overs under way are to pay %s',
    aside.credit, a.currency, coalesce(due.asked, 0))
FROM account a JOIN (SELECT account_id, sum(credit) AS credit FROM audit.posting GROUP BY 1) aside
        ON aside.account_id = a.id
    LEFT JOIN (
        SELECT f.issuer_id, f.currency, sum(f.asked) AS asked FROM handover h JOIN offer f ON f.id = h.offer_id
        WHERE h.state = 'asked' AND h.came_by = 'resold' GROUP BY 1, 2
    ) due ON (due.issuer_id, due.currency) = (a.issuer_id, a.currency)
WHERE a.kind = 'aside' AND aside.credit <> coalesce(due.asked, 0)
UNION ALL
SELECT c.issuer_id, 'credential ' || c.ticket_id, format('voucher balance %s', c.balance)
FROM credential c WHERE c.balance < 0
UNION ALL
SELECT c.issuer_id, 'credential ' || c.ticket_id, format('voucher of %s, %s spent, %s turned into e-money, %s left',
    t.balance, coalesce(spent.amount, 0), coalesce(topped.amount, 0), c.balance)
FROM credential c JOIN ticket t ON t.id = c.ticket_id JOIN issuer i ON i.id = c.issuer_id AND i.served_by = 'local'
    LEFT JOIN spent ON spent.ticket_id = c.ticket_id LEFT JOIN topped ON topped.ticket_id = c.ticket_id
WHERE c.kind = 'voucher' AND c.balance IS DISTINCT FROM t.balance - coalesce(spent.amount, 0)
    - coalesce(topped.amount, 0)
UNION ALL
SELECT t.issuer_id, 'ticket ' || t.id, format('voucher of %s, and the one it was given from, %s, has %s left',
    t.balance, before.ticket_id, before.balance)
FROM ticket t JOIN credential before ON before.ticket_id = t.gift_of WHERE t.balance <> before.balance
UNION ALL
SELECT s.issuer_id, 'spend ' || s.key, format('%s spent, and %s given back', s.amount, back.amount)
FROM spend s JOIN back ON (back.issuer_id, back.reverses) = (s.issuer_id, s.key) WHERE back.amount > s.amount
UNION ALL
SELECT s.issuer_id, 'spend ' || s.key, format('gives back %s of %s, which was never spent', -s.amount, s.reverses)
FROM spend s LEFT JOIN spend first ON (first.issuer_id, first.key, first.ticket_id)
    = (s.issuer_id, s.reverses, s.ticket_id) AND first.amount > 0
WHERE s.reverses IS NOT NULL AND first.key IS NULL
