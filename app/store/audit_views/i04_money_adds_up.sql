-- I4: of every booking, what was captured is what its tickets cost, our fees included, and what was or is to be given
-- back; the ledger says the same as our books, and moves money between accounts of one issuer and currency only.
CREATE VIEW audit.i4_money_adds_up AS
WITH part AS (
    -- Payments that took money, with the account their provider clears by, and what came of the money since.
    SELECT p.id, p.issuer_id, p.booking_id, p.attempt, p.amount, p.currency, p.refunded,
        CASE WHEN p.provider IN ('carrier', 'emoney', 'voucher') THEN p.provider ELSE 'card' END AS clearing
    FROM payment p WHERE p.state IN ('captured', 'refunded')
), back AS (
    SELECT r.payment_id, sum(r.amount) FILTER (WHERE r.state <> 'refused') AS promised,
        sum(r.amount) FILTER (WHERE r.state IN ('due', 'pending', 'failed')) AS owed,
        sum(r.amount) FILTER (WHERE r.state = 'succeeded' AND r.reference IS NOT NULL) AS given,
        -- What a person gave back by another way comes out of our own cash, and has no name at any network.
        sum(r.amount) FILTER (WHERE r.state = 'succeeded' AND r.reference IS NULL) AS by_hand,
        sum(r.amount) FILTER (WHERE r.state IN ('due', 'pending', 'failed', 'succeeded')) AS gone
    FROM refund r GROUP BY 1
), disputed AS (
    SELECT d.payment_id, sum(d.amount) FILTER (WHERE d.withdrawn AND d.state <> 'lost') AS open,
        sum(d.amount) FILTER (WHERE d.withdrawn) AS taken
    FROM dispute d GROUP BY 1
), ours AS (
    -- What our books say of a booking's accounts: credits less debits.
    SELECT part.booking_id, part.clearing AS kind,
        coalesce(sum(back.given), 0) + coalesce(sum(disputed.taken), 0) - sum(part.amount) AS credit
    FROM part LEFT JOIN back ON back.payment_id = part.id LEFT JOIN disputed ON disputed.payment_id = part.id
    GROUP BY 1, 2
    UNION ALL
    SELECT part.booking_id, 'cash', sum(back.by_hand) FROM part JOIN back ON back.payment_id = part.id
    WHERE back.by_hand > 0 GROUP BY 1
    UNION ALL
    SELECT part.booking_id, 'refunds', sum(back.owed) FROM part JOIN back ON back.payment_id = part.id
    WHERE back.owed > 0 GROUP BY 1
    UNION ALL
    SELECT part.booking_id, 'disputes', -sum(disputed.open) FROM part JOIN disputed ON disputed.payment_id = part.id
    WHERE disputed.open > 0 GROUP BY 1
), theirs AS (
    -- What the ledger says. E-money and vouchers post their own charges and what they give back, between their holders
    -- and the clearing account, and the network its fees.
    SELECT p.booking_id, a.kind, sum(p.credit) AS credit FROM audit.posting p JOIN account a ON a.id = p.account_id
    WHERE p.booking_id IS NOT NULL AND p.kind NOT IN ('charge', 'refund', 'network_fee') GROUP BY 1, 2
), taken AS (
    SELECT booking_id, count(DISTINCT attempt) AS attempts, sum(amount) AS amount FROM part GROUP BY 1
), worth AS (
    -- What a booking's items cost whose tickets were not refunded.
    SELECT item.booking_id, sum(item.amount) AS amount FROM booking_item item
    WHERE NOT EXISTS (
        SELECT FROM ticket t JOIN audit.refunded_ticket r ON r.ticket_id = t.id WHERE t.item_id = item.id
    )
    GROUP BY 1
), lent AS (
    -- What e-money and vouchers took for a payment, less what they gave back of it.
    SELECT t.issuer_id, t.key, t.amount - coalesce(r.amount, 0) AS amount, t.at FROM transfer t LEFT JOIN (
        SELECT issuer_id, reverses, sum(amount) AS amount FROM transfer WHERE kind = 'refund' GROUP BY 1, 2
    ) r ON (r.issuer_id, r.reverses) = (t.issuer_id, t.key)
    WHERE t.kind = 'charge'
)
SELECT b.issuer_id, 'booking ' || b.id AS subject, format('account %s should stand at %s by its payments, and stands at %s',
    coalesce(ours.kind, theirs.kind), coalesce(ours.credit, 0), coalesce(theirs.credit, 0)) AS problem
FROM ours FULL JOIN (
    SELECT * FROM theirs WHERE kind IN ('card', 'carrier', 'emoney', 'voucher', 'cash', 'refunds', 'disputes')
) theirs ON (theirs.booking_id, theirs.kind) = (ours.booking_id, ours.kind)
    JOIN booking b ON b.id = coalesce(ours.booking_id, theirs.booking_id)
WHERE coalesce(ours.credit, 0) <> coalesce(theirs.credit, 0)
UNION ALL
SELECT b.issuer_id, 'booking ' || b.id, format('our fee is %s of %s %s', theirs.credit, b.amount, b.currency)
FROM theirs JOIN booking b ON b.id = theirs.booking_id
WHERE theirs.kind = 'fees' AND theirs.credit NOT BETWEEN 0 AND b.amount
UNION ALL
SELECT b.issuer_id, 'booking ' || b.id, format('%s attempts took money', taken.attempts)
FROM taken JOIN booking b ON b.id = taken.booking_id WHERE taken.attempts > 1
UNION ALL
SELECT b.issuer_id, 'booking ' || b.id, format('costs %s %s, and %s were captured', b.amount, b.currency,
    coalesce(taken.amount, 0))
FROM booking b LEFT JOIN taken ON taken.booking_id = b.id
WHERE b.state IN ('paid', 'refunded') AND b.amount <> coalesce(taken.amount, 0)
UNION ALL
SELECT b.issuer_id, 'booking ' || b.id, format('%s %s captured, %s given back or owed, and its other tickets cost %s',
    taken.amount, b.currency, gone.amount, coalesce(worth.amount, 0))
FROM (
    SELECT part.booking_id, sum(back.gone) AS amount FROM part JOIN back ON back.payment_id = part.id GROUP BY 1
) gone JOIN taken USING (booking_id) JOIN booking b ON b.id = gone.booking_id
    LEFT JOIN worth ON worth.booking_id = b.id
WHERE b.state IN ('paid', 'refunded') AND taken.amount - gone.amount <> coalesce(worth.amount, 0)
UNION ALL
SELECT p.issuer_id, 'payment ' || p.id, format('%s %s, of which %s are promised back; its refunds say %s', p.amount,
    p.currency, p.refunded, coalesce(back.promised, 0))
FROM payment p LEFT JOIN back ON back.payment_id = p.id
WHERE p.refunded <> coalesce(back.promised, 0) OR coalesce(back.promised, 0) > p.amount
UNION ALL
SELECT p.issuer_id, 'payment ' || p.id, format('is in %s, and its booking in %s', p.currency, b.currency)
FROM payment p JOIN booking b ON b.id = p.booking_id WHERE p.currency <> b.currency
UNION ALL
SELECT p.issuer_id, 'payment ' || p.id, format('is %s, and %s took %s of its %s %s', p.state, p.provider,
    coalesce(lent.amount, 0), p.amount, p.currency)
FROM payment p LEFT JOIN back ON back.payment_id = p.id
    LEFT JOIN lent ON (lent.issuer_id, lent.key) = (p.issuer_id, p.key)
WHERE p.provider IN ('emoney', 'voucher') AND p.updated_at < audit.clock() - audit.patience() AND CASE
    -- What is owed may have been given back already, and not be written down yet.
    WHEN p.state IN ('captured', 'refunded') THEN
        coalesce(lent.amount, 0) NOT BETWEEN p.amount - coalesce(back.gone, 0) AND p.amount - coalesce(back.given, 0)
    ELSE p.state IN ('declined', 'voided') AND lent.amount <> 0 END
UNION ALL
SELECT lent.issuer_id, 'transfer ' || lent.key, format('%s taken at %s for no payment of ours', lent.amount, lent.at)
FROM lent LEFT JOIN payment p ON (p.issuer_id, p.key) = (lent.issuer_id, lent.key)
WHERE p.id IS NULL AND lent.amount <> 0
UNION ALL
SELECT t.issuer_id, 'transfer ' || t.key, format('from an account of %s in %s to one of %s in %s', debit.issuer_id,
    debit.currency, credit.issuer_id, credit.currency)
FROM transfer t JOIN account debit ON debit.id = t.debit_id JOIN account credit ON credit.id = t.credit_id
WHERE (debit.issuer_id, debit.currency) <> (credit.issuer_id, credit.currency) OR debit.issuer_id <> t.issuer_id
UNION ALL
SELECT t.issuer_id, 'transfer ' || t.key, format('a %s that names no booking', t.kind)
FROM transfer t
WHERE t.booking_id IS NULL AND t.kind NOT IN ('top_up', 'charge', 'refund', 'network_fee', 'payout')
UNION ALL
SELECT s.issuer_id, 'settlement ' || s.id, format('%s %s, and the ledger paid out %s', s.amount, s.currency,
    coalesce(t.amount, 0))
FROM settlement s LEFT JOIN transfer t ON (t.issuer_id, t.key, t.kind) = (s.issuer_id, 'payout-' || s.id, 'payout')
WHERE s.amount <> coalesce(t.amount, 0)
UNION ALL
-- A ticket that was sold on was paid for, once, by its receiver to its giver.
SELECT coalesce(f.issuer_id, t.issuer_id), coalesce('offer ' || f.id, 'transfer ' || t.key),
    format('asked %s, and %s were paid', coalesce(f.asked, 0), coalesce(t.amount, 0))
FROM (
    SELECT o.*, giver.id AS payee, receiver.id AS payer FROM offer o
        LEFT JOIN account giver ON (giver.issuer_id, giver.handset, giver.currency)
            = (o.issuer_id, o.giver, o.currency)
        LEFT JOIN account receiver ON (receiver.issuer_id, receiver.handset, receiver.currency)
            = (o.issuer_id, o.receiver, o.currency)
    WHERE o.state = 'accepted' AND o.asked > 0
) f FULL JOIN (SELECT * FROM transfer WHERE kind = 'resale') t ON (t.issuer_id, t.key) = (f.issuer_id, 'resale-' || f.id)
WHERE (f.asked, f.payer, f.payee) IS DISTINCT FROM (t.amount, t.debit_id, t.credit_id)
