-- What push initiators handed to the push proxy gateway. Times are microseconds since 1970 UTC.
CREATE TABLE push (
  sequence INTEGER PRIMARY KEY,
  account TEXT NOT NULL,
  push_id TEXT NOT NULL,
  received_at INTEGER NOT NULL,
  notify_to TEXT,
  UNIQUE (account, push_id)
) STRICT;
CREATE INDEX push_received ON push (received_at);

CREATE TABLE push_address (
  push INTEGER NOT NULL REFERENCES push (sequence) ON DELETE CASCADE,
  place INTEGER NOT NULL CHECK (place >= 0),
  address TEXT NOT NULL,
  message_id TEXT UNIQUE,
  state TEXT NOT NULL CHECK (state IN (
    'rejected', 'pending', 'delivered', 'undeliverable', 'expired', 'aborted', 'timeout', 'cancelled', 'unknown'
  )),
  code INTEGER NOT NULL,
  reason TEXT,
  at INTEGER NOT NULL,
  -- Without a message there was nothing to send; else its end is still to come or was told.
  CHECK (message_id IS NOT NULL OR state = 'rejected'),
  PRIMARY KEY (push, place)
) STRICT, WITHOUT ROWID;
