-- I1: no more is sold than there is. Holds that run out are no sale; places at another house are that house's to judge.
CREATE VIEW audit.i1_no_oversell AS
WITH living AS (
    SELECT t.id, t.issuer_id, t.booking_id, t.occasion_id, t.item_id, t.place_id, o.stock, i.served_by
    FROM ticket t JOIN occasion o ON o.id = t.occasion_id JOIN issuer i ON i.id = t.issuer_id
    WHERE t.state <> 'revoked'
)
SELECT sold.issuer_id, 'occasion ' || sold.occasion_id AS subject,
    format('%s living tickets of category %s, which has %s places', sold.tickets, sold.category, coalesce(p.places, 0))
        AS problem
FROM (
    SELECT l.issuer_id, l.occasion_id, coalesce(place.category, price.category) AS category, count(*) AS tickets
    FROM living l JOIN booking_item item ON item.id = l.item_id JOIN price ON price.id = item.price_id
        LEFT JOIN place ON place.id = l.place_id
    WHERE l.stock = 'places' GROUP BY 1, 2, 3
) sold LEFT JOIN (SELECT occasion_id, category, count(*) AS places FROM place GROUP BY 1, 2) p
    ON (p.occasion_id, p.category) = (sold.occasion_id, sold.category)
WHERE sold.tickets > coalesce(p.places, 0)
UNION ALL
SELECT l.issuer_id, 'place ' || l.place_id, format('%s living tickets have this place', count(*))
FROM living l WHERE l.place_id IS NOT NULL GROUP BY 1, l.place_id HAVING count(*) > 1
UNION ALL
SELECT l.issuer_id, 'booking_item ' || l.item_id, format('%s living tickets of one item', count(*))
FROM living l GROUP BY 1, l.item_id HAVING count(*) > 1
UNION ALL
SELECT l.issuer_id, 'ticket ' || l.id, 'has no place, on an occasion whose places run out'
FROM living l WHERE l.stock = 'places' AND l.place_id IS NULL
UNION ALL
SELECT l.issuer_id, 'ticket ' || l.id, format('its place %s is of another occasion, %s', p.id, p.occasion_id)
FROM living l JOIN place p ON p.id = l.place_id WHERE p.occasion_id <> l.occasion_id
UNION ALL
SELECT l.issuer_id, 'ticket ' || l.id, format('its place %s is %s', p.id, CASE
    WHEN p.taken_by IS NULL THEN 'free'
    WHEN p.taken_by <> l.booking_id THEN 'of booking ' || p.taken_by
    ELSE 'only held until ' || p.held_until END)
FROM living l JOIN place p ON p.id = l.place_id
WHERE l.served_by = 'local' AND (p.taken_by IS DISTINCT FROM l.booking_id OR p.held_until IS NOT NULL)
UNION ALL
-- What a buyer who still may pay was promised.
SELECT b.issuer_id, 'booking ' || b.id, format('waits for payment until %s, and its place %s is not kept for it',
    b.expires_at, p.id)
FROM booking b JOIN issuer i ON i.id = b.issuer_id AND i.served_by = 'local'
    JOIN booking_item item ON item.booking_id = b.id JOIN place p ON p.id = item.place_id
WHERE b.state = 'held' AND b.expires_at > audit.clock()
    AND (p.taken_by IS DISTINCT FROM b.id OR p.held_until <= audit.clock())
UNION ALL
-- The other way round: what could be sold and never will be.
SELECT p.issuer_id, 'place ' || p.id, format('kept without an end for the %s booking %s', b.state, b.id)
FROM place p JOIN booking b ON b.id = p.taken_by AND b.state IN ('expired', 'cancelled')
WHERE p.held_until IS NULL AND NOT EXISTS (
    SELECT FROM audit.owed WHERE owed.topic = 'release' AND owed.payload ->> 'booking' = b.id::text
)
