-- +goose Up

-- When each key was last accepted, which is never forgotten. By number, in which a row is short.
CREATE TABLE last_uses (
    key          INTEGER NOT NULL PRIMARY KEY, -- its number
    last_used_at INTEGER NOT NULL
) STRICT;
INSERT INTO last_uses (key, last_used_at) SELECT k.number, u.last_used_at FROM key_uses u JOIN keys k ON k.id = u.key_id;
DROP TABLE key_uses;

-- Who used which key on which day.
CREATE TABLE key_days (
    key      INTEGER NOT NULL, -- its number
    day      INTEGER NOT NULL, -- days since 1970, UTC
    service  TEXT    NOT NULL, -- as the gateway names it
    address  TEXT    NOT NULL,
    accepted INTEGER NOT NULL,
    refused  INTEGER NOT NULL, -- after the key was deactivated
    last_at  INTEGER NOT NULL,
    PRIMARY KEY (key, day, service, address)
) STRICT, WITHOUT ROWID;
CREATE INDEX key_days_day ON key_days (day);

-- Uses as they come, before they are merged into both: some keys' of a second, encoded, so that writing a use down costs
-- next to nothing however many different keys are used.
CREATE TABLE new_uses (
    place INTEGER NOT NULL PRIMARY KEY, -- the part of the keys, by number, and in it the order in which they came
    uses  BLOB    NOT NULL
) STRICT;

-- 20 callers of a key are told apart on a day. An upsert fires this for new rows only.
-- +goose StatementBegin
CREATE TRIGGER key_days_crowd AFTER INSERT ON key_days
WHEN NEW.service <> '(other)' AND (SELECT count(*) FROM key_days
    WHERE key = NEW.key AND day = NEW.day AND service <> '(other)') > 20
BEGIN
    INSERT INTO key_days (key, day, service, address, accepted, refused, last_at)
    VALUES (NEW.key, NEW.day, '(other)', '', NEW.accepted, NEW.refused, NEW.last_at)
    ON CONFLICT (key, day, service, address) DO UPDATE SET accepted = accepted + excluded.accepted,
        refused = refused + excluded.refused, last_at = max(last_at, excluded.last_at);
    DELETE FROM key_days
    WHERE key = NEW.key AND day = NEW.day AND service = NEW.service AND address = NEW.address;
END;
-- +goose StatementEnd
