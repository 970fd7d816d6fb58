-- +goose Up

-- What each column holds is written in sqlite/00008_passkeys.sql.
CREATE TABLE passkeys (
    id            TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    user_id       TEXT COLLATE "C" NOT NULL REFERENCES users (id),
    handle        BYTEA            NOT NULL,
    credential_id BYTEA            NOT NULL UNIQUE,
    record        BYTEA            NOT NULL,
    name          TEXT COLLATE "C" NOT NULL,
    created_at    BIGINT           NOT NULL,
    used_at       BIGINT,
    sign_count    BIGINT           NOT NULL,
    backed_up     BIGINT           NOT NULL CHECK (backed_up IN (0, 1))
);
CREATE INDEX passkeys_of_user ON passkeys (user_id, created_at);

CREATE TABLE recovery_codes (
    hash    BYTEA            NOT NULL PRIMARY KEY,
    user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id),
    made_at BIGINT           NOT NULL,
    used_at BIGINT
);
CREATE INDEX recovery_codes_of_user ON recovery_codes (user_id);

CREATE TABLE spent (
    hash  BYTEA  NOT NULL PRIMARY KEY,
    until BIGINT NOT NULL
);
CREATE INDEX spent_until ON spent (until);

ALTER TABLE users ADD COLUMN short_password BIGINT NOT NULL DEFAULT 0 CHECK (short_password IN (0, 1));

ALTER TABLE sessions ADD COLUMN proved_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN passkey BIGINT NOT NULL DEFAULT 0 CHECK (passkey IN (0, 1));

ALTER TABLE sign_ins ADD COLUMN means TEXT COLLATE "C" NOT NULL DEFAULT '';

CREATE TRIGGER passkeys_stay BEFORE UPDATE ON passkeys
FOR EACH ROW WHEN ((NEW.id, NEW.user_id, NEW.handle, NEW.credential_id, NEW.record, NEW.name, NEW.created_at)
    IS DISTINCT FROM (OLD.id, OLD.user_id, OLD.handle, OLD.credential_id, OLD.record, OLD.name, OLD.created_at))
EXECUTE FUNCTION refuse('a passkey stays as it was registered');

CREATE TRIGGER recovery_codes_used BEFORE UPDATE ON recovery_codes
FOR EACH ROW WHEN ((NEW.hash, NEW.user_id, NEW.made_at) IS DISTINCT FROM (OLD.hash, OLD.user_id, OLD.made_at)
    OR OLD.used_at IS NOT NULL AND NEW.used_at IS DISTINCT FROM OLD.used_at)
EXECUTE FUNCTION refuse('a recovery code is used once');

UPDATE oldest_program SET migration = 8;
