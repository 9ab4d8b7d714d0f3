-- What subscribers owe on their phone bills for others' goods. Amounts are minor units, times microseconds since 1970.
CREATE TABLE bill_payment (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL,
  key TEXT NOT NULL,
  number TEXT,
  amount INTEGER NOT NULL CHECK (amount >= 0),
  currency TEXT NOT NULL,
  description TEXT NOT NULL,
  immediate INTEGER NOT NULL CHECK (immediate IN (0, 1)),
  state TEXT NOT NULL CHECK (state IN ('reserved', 'succeeded', 'denied', 'cancelled')),
  denial TEXT CHECK ((denial IS NOT NULL) = (state = 'denied')),
  month TEXT NOT NULL,
  made_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  refunded INTEGER NOT NULL CHECK (refunded BETWEEN 0 AND amount),
  UNIQUE (account, key),
  -- Without a number it was cancelled before it was ever asked for.
  CHECK (number IS NOT NULL AND amount > 0 OR state = 'cancelled')
) STRICT;
CREATE INDEX bill_payment_month ON bill_payment (number, month) WHERE state IN ('reserved', 'succeeded');

CREATE TABLE bill_refund (
  account TEXT NOT NULL,
  key TEXT NOT NULL,
  payment_id TEXT NOT NULL REFERENCES bill_payment (id),
  amount INTEGER NOT NULL CHECK (amount > 0),
  at INTEGER NOT NULL,
  PRIMARY KEY (account, key)
) STRICT;
