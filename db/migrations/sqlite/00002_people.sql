-- +goose Up

-- A session is ephemeral, so the table is made anew rather than altered: everybody signs in once more.
DROP TABLE sessions;
CREATE TABLE sessions (
    id         TEXT    NOT NULL PRIMARY KEY, -- UUIDv7, by which its owner ends it
    id_hash    BLOB    NOT NULL UNIQUE,      -- of what the cookie carries
    user_id    TEXT    NOT NULL REFERENCES users (id),
    created_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL,
    address    TEXT    NOT NULL,
    user_agent TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_of_user ON sessions (user_id, created_at);

-- The throttle of an account: failed sign-ins since the last that succeeded, and when one was last looked at.
ALTER TABLE users ADD COLUMN failed_sign_ins INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN tried_at INTEGER NOT NULL DEFAULT 0;

-- The browsers that have signed in to an account, which the throttle of the account leaves alone.
CREATE TABLE browsers (
    user_id         TEXT    NOT NULL REFERENCES users (id),
    id_hash         BLOB    NOT NULL, -- of what the browser's own cookie carries
    seen_at         INTEGER NOT NULL,
    failed_sign_ins INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (user_id, id_hash)
) STRICT, WITHOUT ROWID;

-- The throttle of an address counts its failures here.
ALTER TABLE sign_ins ADD COLUMN network TEXT NOT NULL DEFAULT ''; -- the IPv4 address, or the /64 of an IPv6 one
CREATE INDEX sign_ins_from ON sign_ins (network, at);
CREATE INDEX sign_ins_at ON sign_ins (at);

-- Single-use links: to set a password, or to make the first administrator. Only the hash of the token is kept.
CREATE TABLE links (
    token_hash   BLOB    NOT NULL PRIMARY KEY,
    user_id      TEXT    REFERENCES users (id), -- null: the set-up link
    issued_at    INTEGER NOT NULL,
    issued_by    TEXT    NOT NULL,
    issued_from  TEXT    NOT NULL,
    expires_at   INTEGER NOT NULL,
    used_at      INTEGER,
    used_from    TEXT    NOT NULL DEFAULT '',
    withdrawn_at INTEGER,                       -- another link, or a new password, took its place
    seen_at      INTEGER                        -- when the owner of the account took note of it
) STRICT, WITHOUT ROWID;
CREATE INDEX links_of_user ON links (user_id, issued_at);

-- What people say of the help, the last word of each.
CREATE TABLE feedback (
    user_id TEXT    NOT NULL PRIMARY KEY REFERENCES users (id),
    at      INTEGER NOT NULL,
    helpful INTEGER NOT NULL CHECK (helpful IN (0, 1)),
    text    TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER users_last_admin BEFORE UPDATE OF role, disabled_at ON users
WHEN OLD.role = 'admin' AND OLD.disabled_at IS NULL AND (NEW.role <> 'admin' OR NEW.disabled_at IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM users
        WHERE role = 'admin' AND disabled_at IS NULL AND password_hash <> '' AND id <> OLD.id)
BEGIN SELECT RAISE(ABORT, 'the last enabled administrator stays'); END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER users_disabled BEFORE UPDATE OF disabled_at ON users
WHEN NEW.disabled_at IS NOT NULL AND EXISTS (SELECT 1 FROM keys WHERE user_id = NEW.id AND deactivated_at IS NULL)
BEGIN SELECT RAISE(ABORT, 'who is disabled owns no active key'); END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER keys_owner_enabled BEFORE INSERT ON keys
WHEN (SELECT disabled_at FROM users WHERE id = NEW.user_id) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'who is disabled makes no key'); END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER links_used BEFORE UPDATE OF token_hash, user_id, issued_at, issued_by, issued_from, expires_at, used_at,
    used_from, withdrawn_at ON links
WHEN NEW.token_hash <> OLD.token_hash OR NEW.user_id IS NOT OLD.user_id OR NEW.issued_at <> OLD.issued_at
    OR NEW.issued_by <> OLD.issued_by OR NEW.issued_from <> OLD.issued_from OR NEW.expires_at <> OLD.expires_at
    OR (OLD.used_at IS NOT NULL AND (NEW.used_at IS NOT OLD.used_at OR NEW.used_from <> OLD.used_from))
    OR (OLD.withdrawn_at IS NOT NULL AND NEW.withdrawn_at IS NOT OLD.withdrawn_at)
BEGIN SELECT RAISE(ABORT, 'a link is used once'); END;
-- +goose StatementEnd

-- +goose StatementBegin
-- REPLACE would delete the row it collides with, on whichever uniqueness, without firing a delete trigger.
CREATE TRIGGER users_added_once BEFORE INSERT ON users
WHEN EXISTS (SELECT 1 FROM users WHERE id = NEW.id OR email = NEW.email)
BEGIN SELECT RAISE(ABORT, 'a user is added once'); END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER links_replace BEFORE INSERT ON links
WHEN EXISTS (SELECT 1 FROM links WHERE token_hash = NEW.token_hash)
BEGIN SELECT RAISE(ABORT, 'a link is issued once'); END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER users_last_password BEFORE UPDATE OF password_hash ON users
WHEN NEW.password_hash = '' AND OLD.password_hash <> '' AND OLD.role = 'admin' AND OLD.disabled_at IS NULL
    AND NOT EXISTS (SELECT 1 FROM users
        WHERE role = 'admin' AND disabled_at IS NULL AND password_hash <> '' AND id <> OLD.id)
BEGIN SELECT RAISE(ABORT, 'the last enabled administrator stays'); END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER keys_made BEFORE UPDATE OF created_at ON keys WHEN NEW.created_at <> OLD.created_at
BEGIN SELECT RAISE(ABORT, 'a key keeps the time at which it was made'); END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER users_email BEFORE UPDATE OF email ON users
WHEN EXISTS (SELECT 1 FROM users WHERE email = NEW.email AND id <> NEW.id)
BEGIN SELECT RAISE(ABORT, 'an e-mail address belongs to one user'); END;
-- +goose StatementEnd
