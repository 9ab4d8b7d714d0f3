-- One-statement redeem: a use is counted where there is one left.
\set ticket random(1, 10000)
UPDATE ticket SET uses_left = uses_left - 1, used_at = now() WHERE id = :ticket AND uses_left > 0;
