-- +goose Up

-- "KDSK": this SQLite file is a Keydesk database.
PRAGMA application_id = 1262768971;

-- Times are UTC microseconds. Texts that order are compared bytewise, SQLite's default. Strict tables keep a BLOB from
-- passing for a text that a trigger compares.

-- What is random and kept here, sealed under the root secret.
CREATE TABLE secrets (
    id         TEXT   NOT NULL PRIMARY KEY,
    kind       TEXT   NOT NULL CHECK (kind IN ('pepper', 'session')),
    sealed     BLOB   NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE users (
    id              TEXT   NOT NULL PRIMARY KEY,
    name            TEXT   NOT NULL,
    name_folded     TEXT   NOT NULL, -- lower case, for the search
    email           TEXT   UNIQUE,   -- lower case; null when there is none
    role            TEXT   NOT NULL CHECK (role IN ('user', 'admin')),
    password_hash   TEXT   NOT NULL, -- argon2id, PHC
    created_at      INTEGER NOT NULL,
    disabled_at     INTEGER,
    last_sign_in_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX users_name_folded ON users (name_folded, id);

CREATE TABLE keys (
    id             TEXT   NOT NULL PRIMARY KEY, -- UUIDv7
    user_id        TEXT   NOT NULL REFERENCES users (id),
    hash           BLOB   NOT NULL UNIQUE,      -- HMAC-SHA-256 of the whole key under the pepper
    pepper_id      TEXT   NOT NULL REFERENCES secrets (id),
    last4          TEXT   NOT NULL CHECK (length(last4) = 4),
    name           TEXT   NOT NULL,
    once           TEXT,                        -- hash of what the form that made it carried; a form makes one key
    created_at     INTEGER NOT NULL,
    deactivated_at INTEGER,
    deactivated_by TEXT,
    reason         TEXT   NOT NULL DEFAULT '',
    UNIQUE (user_id, once)
) STRICT, WITHOUT ROWID;
CREATE INDEX keys_of_user ON keys (user_id, created_at, id);

-- Apart from keys, so that the many small writes touch short rows only.
CREATE TABLE key_uses (
    key_id       TEXT   NOT NULL PRIMARY KEY REFERENCES keys (id),
    last_used_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    id_hash    BLOB   NOT NULL PRIMARY KEY,
    user_id    TEXT   NOT NULL REFERENCES users (id),
    created_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_of_user ON sessions (user_id);

CREATE TABLE sign_ins (
    number     INTEGER PRIMARY KEY AUTOINCREMENT,
    at         INTEGER NOT NULL,
    user_id    TEXT   NOT NULL, -- or "(unknown)"
    address    TEXT   NOT NULL,
    user_agent TEXT   NOT NULL,
    outcome    TEXT   NOT NULL
) STRICT;

-- The number of the last change. Every change begins by advancing it, so changes happen one at a time.
CREATE TABLE audit_head (
    one    INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    number INTEGER  NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO audit_head (one, number) VALUES (1, 0);

CREATE TABLE audit (
    number  INTEGER NOT NULL PRIMARY KEY,
    at      INTEGER NOT NULL,
    actor   TEXT   NOT NULL, -- User ID, or "(operator)"
    address TEXT   NOT NULL,
    action  TEXT   NOT NULL,
    user_id TEXT   NOT NULL,
    key_id  TEXT   NOT NULL,
    detail  TEXT   NOT NULL
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER keys_owner BEFORE INSERT ON keys
WHEN (SELECT role FROM users WHERE id = NEW.user_id) = 'admin'
BEGIN SELECT RAISE(ABORT, 'an administrator owns no key'); END;
-- +goose StatementEnd

-- +goose StatementBegin
-- INSERT OR REPLACE would delete the row it collides with, on whichever uniqueness, without firing a delete trigger.
CREATE TRIGGER keys_replace BEFORE INSERT ON keys
WHEN EXISTS (SELECT 1 FROM keys WHERE id = NEW.id OR hash = NEW.hash OR (user_id = NEW.user_id AND once = NEW.once))
BEGIN SELECT RAISE(ABORT, 'a key is made once'); END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER keys_identity BEFORE UPDATE OF id, user_id, hash, pepper_id, last4, once ON keys
WHEN NEW.id <> OLD.id OR NEW.user_id <> OLD.user_id OR NEW.hash <> OLD.hash OR NEW.pepper_id <> OLD.pepper_id
    OR NEW.last4 <> OLD.last4 OR NEW.once IS NOT OLD.once
BEGIN SELECT RAISE(ABORT, 'a key keeps its owner and its hash'); END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER keys_final BEFORE UPDATE OF deactivated_at, deactivated_by, reason ON keys
WHEN OLD.deactivated_at IS NOT NULL AND (NEW.deactivated_at IS NOT OLD.deactivated_at
    OR NEW.deactivated_by IS NOT OLD.deactivated_by OR NEW.reason IS NOT OLD.reason)
BEGIN SELECT RAISE(ABORT, 'a deactivation is final'); END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER keys_stay BEFORE DELETE ON keys
BEGIN SELECT RAISE(ABORT, 'a key is never deleted'); END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER users_role BEFORE UPDATE OF role ON users
WHEN NEW.role = 'admin' AND EXISTS (SELECT 1 FROM keys WHERE user_id = NEW.id AND deactivated_at IS NULL)
BEGIN SELECT RAISE(ABORT, 'who owns an active key cannot be an administrator'); END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER users_replace BEFORE INSERT ON users
WHEN NEW.role = 'admin' AND EXISTS (SELECT 1 FROM keys WHERE user_id = NEW.id AND deactivated_at IS NULL)
BEGIN SELECT RAISE(ABORT, 'who owns an active key cannot be an administrator'); END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER users_identity BEFORE UPDATE OF id ON users WHEN NEW.id <> OLD.id
BEGIN SELECT RAISE(ABORT, 'a User ID never changes'); END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER audit_order BEFORE INSERT ON audit
WHEN NEW.number <> (SELECT number FROM audit_head)
    OR NEW.number <> (SELECT coalesce(max(number), 0) + 1 FROM audit)
BEGIN SELECT RAISE(ABORT, 'the audit log is appended to, in order'); END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER audit_update BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is never altered'); END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER audit_delete BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is never altered'); END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER audit_head_forward BEFORE UPDATE ON audit_head WHEN NEW.number <> OLD.number + 1
BEGIN SELECT RAISE(ABORT, 'the audit log is appended to, in order'); END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER audit_head_one BEFORE INSERT ON audit_head WHEN EXISTS (SELECT 1 FROM audit_head)
BEGIN SELECT RAISE(ABORT, 'the audit log is appended to, in order'); END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER audit_head_stays BEFORE DELETE ON audit_head
BEGIN SELECT RAISE(ABORT, 'the audit log is appended to, in order'); END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER users_stay BEFORE DELETE ON users
BEGIN SELECT RAISE(ABORT, 'a user is never deleted'); END;
-- +goose StatementEnd
