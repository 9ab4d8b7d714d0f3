-- The carrier's file. Times are microseconds since 1970 UTC; enumerations are stored by value.
CREATE TABLE message (
  sequence INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  account TEXT NOT NULL,
  key TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  recipient TEXT NOT NULL,
  sender TEXT NOT NULL,
  text TEXT NOT NULL,
  coding TEXT NOT NULL CHECK (coding IN ('gsm7', 'ucs2')),
  parts INTEGER NOT NULL CHECK (parts >= 1),
  receipt_wanted INTEGER NOT NULL CHECK (receipt_wanted IN (0, 1)),
  accepted_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('ENROUTE', 'DELIVERED', 'EXPIRED', 'UNDELIVERABLE', 'REJECTED')),
  attempts INTEGER NOT NULL CHECK (attempts >= 0),
  due_at INTEGER CHECK ((due_at IS NULL) = (state <> 'ENROUTE')),
  error TEXT,
  UNIQUE (account, key)
) STRICT;
CREATE INDEX message_due ON message (due_at, sequence) WHERE due_at IS NOT NULL;
CREATE INDEX message_waiting ON message (recipient) WHERE due_at IS NOT NULL;

-- How many messages of an account wait: asked on every submission, so it is kept and not counted.
CREATE TABLE backlog (account TEXT PRIMARY KEY, waiting INTEGER NOT NULL CHECK (waiting >= 0)) STRICT;
CREATE TRIGGER message_waits AFTER INSERT ON message WHEN NEW.due_at IS NOT NULL BEGIN
  INSERT INTO backlog VALUES (NEW.account, 1) ON CONFLICT (account) DO UPDATE SET waiting = waiting + 1;
END;
CREATE TRIGGER message_ends AFTER UPDATE OF due_at ON message
WHEN OLD.due_at IS NOT NULL AND NEW.due_at IS NULL BEGIN
  UPDATE backlog SET waiting = waiting - 1 WHERE account = NEW.account;
END;

CREATE TABLE entry (
  sequence INTEGER PRIMARY KEY,
  message_id TEXT NOT NULL REFERENCES message (id),
  at INTEGER NOT NULL,
  state TEXT NOT NULL,
  note TEXT NOT NULL
) STRICT;
CREATE INDEX entry_message ON entry (message_id, sequence);

CREATE TABLE subscriber (
  number TEXT PRIMARY KEY,
  state TEXT NOT NULL CHECK (state IN ('on', 'off', 'memory_full', 'unknown', 'barred')),
  model TEXT NOT NULL CHECK (model IN ('feature', 'smart')),
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
  sender TEXT NOT NULL,
  text TEXT NOT NULL,
  parts INTEGER NOT NULL CHECK (parts >= 1),
  received_at INTEGER NOT NULL,
  opened INTEGER NOT NULL CHECK (opened IN (0, 1)),
  stored INTEGER NOT NULL CHECK (stored IN (0, 1)),
  UNIQUE (number, id)
) STRICT;
CREATE TABLE view (
  number TEXT PRIMARY KEY REFERENCES subscriber (number),
  mode TEXT NOT NULL,
  picked TEXT,
  row INTEGER NOT NULL CHECK (row >= 0),
  notice TEXT
) STRICT;

CREATE TABLE receipt (
  message_id TEXT PRIMARY KEY REFERENCES message (id),
  recipient TEXT NOT NULL,
  state TEXT NOT NULL,
  at INTEGER NOT NULL,
  parts INTEGER NOT NULL,
  error TEXT,
  attempts INTEGER NOT NULL,
  due_at INTEGER NOT NULL
) STRICT;
CREATE INDEX receipt_due ON receipt (due_at);
