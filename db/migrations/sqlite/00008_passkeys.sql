-- +goose Up

-- Passkeys (WebAuthn credentials). What the authenticator counts and tells of itself changes with each sign-in; all else
-- stays as it was registered.
CREATE TABLE passkeys (
    id            TEXT    NOT NULL PRIMARY KEY, -- UUIDv7
    user_id       TEXT    NOT NULL REFERENCES users (id),
    handle        BLOB    NOT NULL,             -- random, by which authenticators know the account
    credential_id BLOB    NOT NULL UNIQUE,
    record        BLOB    NOT NULL,             -- JSON: the public key, and what was told with it
    name          TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    used_at       INTEGER,
    sign_count    INTEGER NOT NULL,
    backed_up     INTEGER NOT NULL CHECK (backed_up IN (0, 1))
) STRICT, WITHOUT ROWID;
CREATE INDEX passkeys_of_user ON passkeys (user_id, created_at);

-- What opens an account once each when its passkeys are not at hand.
CREATE TABLE recovery_codes (
    hash    BLOB    NOT NULL PRIMARY KEY,
    user_id TEXT    NOT NULL REFERENCES users (id),
    made_at INTEGER NOT NULL,
    used_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX recovery_codes_of_user ON recovery_codes (user_id);

-- Challenges that were answered and forms that were sent, by hashes, for as long as they could come again.
CREATE TABLE spent (
    hash  BLOB    NOT NULL PRIMARY KEY,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX spent_until ON spent (until);

-- The password is long enough beside a passkey only, and opens nothing without one.
ALTER TABLE users ADD COLUMN short_password INTEGER NOT NULL DEFAULT 0 CHECK (short_password IN (0, 1));

-- When the person last proved who they are, and whether a passkey or a recovery code was part of it.
ALTER TABLE sessions ADD COLUMN proved_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN passkey INTEGER NOT NULL DEFAULT 0 CHECK (passkey IN (0, 1));

-- By what somebody tried to sign in.
ALTER TABLE sign_ins ADD COLUMN means TEXT NOT NULL DEFAULT '';

-- +goose StatementBegin
CREATE TRIGGER passkeys_stay BEFORE UPDATE OF id, user_id, handle, credential_id, record, name, created_at ON passkeys
WHEN NEW.id <> OLD.id OR NEW.user_id <> OLD.user_id OR NEW.handle <> OLD.handle OR NEW.credential_id <> OLD.credential_id
    OR NEW.record <> OLD.record OR NEW.name <> OLD.name OR NEW.created_at <> OLD.created_at
BEGIN SELECT RAISE(ABORT, 'a passkey stays as it was registered'); END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER recovery_codes_used BEFORE UPDATE ON recovery_codes
WHEN NEW.hash <> OLD.hash OR NEW.user_id <> OLD.user_id OR NEW.made_at <> OLD.made_at
    OR OLD.used_at IS NOT NULL AND NEW.used_at IS NOT OLD.used_at
BEGIN SELECT RAISE(ABORT, 'a recovery code is used once'); END;
-- +goose StatementEnd

-- +goose StatementBegin
-- REPLACE would delete the row it collides with without firing a delete trigger.
CREATE TRIGGER passkeys_added_once BEFORE INSERT ON passkeys
WHEN EXISTS (SELECT 1 FROM passkeys WHERE id = NEW.id OR credential_id = NEW.credential_id)
BEGIN SELECT RAISE(ABORT, 'a passkey is registered once'); END;
-- +goose StatementEnd

-- An older program would let people in by their password alone.
UPDATE oldest_program SET migration = 8;
