-- The tables of the comparison, in a database of their own on the same server. Small rows, and no foreign key: this is
-- the least that selling and admitting can cost, without credentials, money, messages, or anybody who asks.
CREATE TABLE stock (id integer PRIMARY KEY, free integer NOT NULL CHECK (free >= 0), held integer NOT NULL DEFAULT 0);
CREATE TABLE booking (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stock_id integer NOT NULL,
    handset text NOT NULL,
    paid boolean NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE ticket (id integer PRIMARY KEY, uses_left integer NOT NULL CHECK (uses_left >= 0), used_at timestamptz);

INSERT INTO stock (id, free) SELECT n, 1000000 FROM generate_series(1, 10000) n;
INSERT INTO ticket (id, uses_left) SELECT n, 1000 FROM generate_series(1, 10000) n;
VACUUM ANALYZE;
