-- The carrier's file. Times are microseconds since 1970 UTC; enumerations are stored by value.
CREATE TABLE message (
  sequence INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  account TEXT NOT NULL,
  key TEXT,
  fingerprint BLOB,
  recipient TEXT NOT NULL,
  sender TEXT NOT NULL,
  user_data BLOB NOT NULL,
  data_coding INTEGER NOT NULL,
  esm_class INTEGER NOT NULL,
  protocol_id INTEGER NOT NULL,
  priority INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 3),
  registered_delivery INTEGER NOT NULL,
  service_type TEXT NOT NULL,
  way TEXT NOT NULL CHECK (way IN ('smpp', 'http', 'sendsms', 'pap')),
  dlr_url TEXT,
  dlr_mask INTEGER,
  schedule_at INTEGER,
  parts INTEGER NOT NULL CHECK (parts >= 1),
  accepted_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  state TEXT NOT NULL
    CHECK (state IN ('ENROUTE', 'DELIVERED', 'EXPIRED', 'DELETED', 'UNDELIVERABLE', 'ACCEPTED', 'UNKNOWN', 'REJECTED')),
  attempts INTEGER NOT NULL CHECK (attempts >= 0),
  due_at INTEGER CHECK ((due_at IS NULL) = (state <> 'ENROUTE')),
  ended_at INTEGER CHECK ((ended_at IS NULL) = (state = 'ENROUTE')),
  error TEXT,
  error_code INTEGER NOT NULL,
  alerts INTEGER NOT NULL CHECK (alerts IN (0, 1)),
  CHECK ((key IS NULL) = (fingerprint IS NULL))
) STRICT;
CREATE UNIQUE INDEX message_key ON message (account, key) WHERE key IS NOT NULL;
-- By urgency: the highest priority first, then what is due longest.
CREATE INDEX message_due ON message (priority, due_at, sequence) WHERE due_at IS NOT NULL;
CREATE INDEX message_ended ON message (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX message_waiting ON message (recipient) WHERE due_at IS NOT NULL;

-- What was unusual about a message; the usual is told by its own times.
CREATE TABLE entry (
  sequence INTEGER PRIMARY KEY,
  message_id TEXT NOT NULL,
  at INTEGER NOT NULL,
  state TEXT NOT NULL,
  note TEXT NOT NULL
) STRICT;
CREATE INDEX entry_message ON entry (message_id, sequence);

CREATE TABLE subscriber (
  number TEXT PRIMARY KEY,
  state TEXT NOT NULL CHECK (state IN ('on', 'off', 'roaming', 'memory_full', 'unknown', 'barred', 'sink')),
  model TEXT NOT NULL CHECK (model IN ('feature', 'feature128', 'smart')),
  language TEXT NOT NULL CHECK (language IN ('ko', 'en')),
  created_at INTEGER NOT NULL,
  active_at INTEGER NOT NULL
) STRICT;
CREATE INDEX subscriber_active ON subscriber (active_at DESC);

-- A phone's own memory: what the network delivered stays here whatever becomes of the network's copy.
CREATE TABLE held (
  sequence INTEGER PRIMARY KEY,
  number TEXT NOT NULL REFERENCES subscriber (number),
  id TEXT NOT NULL,
  body TEXT NOT NULL,
  UNIQUE (number, id)
) STRICT;
CREATE TABLE phone (number TEXT PRIMARY KEY REFERENCES subscriber (number), body TEXT NOT NULL) STRICT;

-- What accounts are owed: receipts, notices, and messages that handsets sent.
CREATE TABLE outgoing (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  account TEXT NOT NULL,
  way TEXT NOT NULL CHECK (way IN ('smpp', 'http', 'sendsms', 'pap')),
  kind TEXT NOT NULL CHECK (kind IN ('accepted', 'notice', 'receipt', 'message', 'alert')),
  message_id TEXT NOT NULL,
  sender TEXT NOT NULL,
  recipient TEXT NOT NULL,
  at INTEGER NOT NULL,
  user_data BLOB NOT NULL,
  data_coding INTEGER NOT NULL,
  esm_class INTEGER NOT NULL,
  service_type TEXT NOT NULL,
  submitted_at INTEGER,
  state TEXT,
  parts INTEGER NOT NULL,
  error TEXT,
  error_code INTEGER NOT NULL,
  dlr_url TEXT,
  dlr_mask INTEGER,
  attempts INTEGER NOT NULL CHECK (attempts >= 0),
  due_at INTEGER NOT NULL
) STRICT;
CREATE INDEX outgoing_of_one ON outgoing (way, account, due_at, id);
CREATE INDEX outgoing_of_all ON outgoing (way, due_at, id) WHERE way <> 'smpp';

-- Who is to be told when a handset that could not be reached is back.
CREATE TABLE alert (
  number TEXT NOT NULL,
  account TEXT NOT NULL,
  address TEXT NOT NULL,
  PRIMARY KEY (number, account, address)
) STRICT, WITHOUT ROWID;

-- What is set about the network itself, as JSON: faults, scripts of numbers, rules of accounts.
CREATE TABLE script (number TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;
CREATE TABLE setting (name TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;
