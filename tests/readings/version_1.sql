-- A store as the first version wrote it; frozen, so that later versions prove that they still open it.
CREATE TABLE device (name TEXT PRIMARY KEY, last_sequence INTEGER NOT NULL) STRICT;
CREATE TABLE reading (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  device TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  boot_id TEXT NOT NULL,
  stored_monotonic_s REAL NOT NULL,
  payload TEXT NOT NULL,
  sent_at_s REAL,
  UNIQUE (device, sequence)
) STRICT;
CREATE INDEX outbox ON reading (number) WHERE sent_at_s IS NULL;
CREATE INDEX sent ON reading (number) WHERE sent_at_s IS NOT NULL;
CREATE TABLE loss (number INTEGER PRIMARY KEY CHECK (number = 1), readings INTEGER NOT NULL) STRICT;
INSERT INTO loss VALUES (1, 0);
INSERT INTO device VALUES ('line-1', 2);
INSERT INTO reading VALUES (1, '0197a000-0000-7000-8000-000000000001', 'line-1', 1,
  '0d5a1a5e-6f8e-4a0a-9a35-3f1f7c2f9c11', 12.5, '{}', 4102444800.0);
INSERT INTO reading VALUES (2, '0197a000-0000-7000-8000-000000000002', 'line-1', 2,
  '0d5a1a5e-6f8e-4a0a-9a35-3f1f7c2f9c11', 13.5, '{}', NULL);
PRAGMA user_version = 1;
PRAGMA journal_mode = WAL;
