-- Hold and confirm, each in a transaction of its own, while everybody wants the same row.
BEGIN;
UPDATE stock SET free = free - 1, held = held + 1 WHERE id = 1 AND free > 0;
INSERT INTO booking (stock_id, handset, paid) VALUES (1, '+821012345678', false) RETURNING id AS booking \gset
COMMIT;
BEGIN;
UPDATE stock SET held = held - 1 WHERE id = 1;
UPDATE booking SET paid = true WHERE id = :booking AND NOT paid;
COMMIT;
