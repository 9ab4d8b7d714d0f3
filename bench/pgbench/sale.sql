-- One-statement sale: one of many rows is taken and the booking is written, together.
\set stock random(1, 10000)
WITH taken AS (UPDATE stock SET free = free - 1 WHERE id = :stock AND free > 0 RETURNING id)
INSERT INTO booking (stock_id, handset, paid) SELECT id, '+821012345678', true FROM taken;
