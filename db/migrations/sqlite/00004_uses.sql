-- +goose Up

-- Who used which key on which day. What is accepted is in key_uses too, whose last use is never forgotten.
CREATE TABLE key_days (
    key_id   TEXT    NOT NULL,
    day      INTEGER NOT NULL, -- days since 1970, UTC
    service  TEXT    NOT NULL, -- as the gateway names it
    address  TEXT    NOT NULL,
    accepted INTEGER NOT NULL,
    refused  INTEGER NOT NULL, -- after the key was deactivated
    last_at  INTEGER NOT NULL,
    PRIMARY KEY (key_id, day, service, address)
) STRICT, WITHOUT ROWID;
CREATE INDEX key_days_day ON key_days (day);

-- 20 callers of a key are told apart on a day. An upsert fires this for new rows only.
-- +goose StatementBegin
CREATE TRIGGER key_days_crowd AFTER INSERT ON key_days
WHEN NEW.service <> '(other)' AND (SELECT count(*) FROM key_days
    WHERE key_id = NEW.key_id AND day = NEW.day AND service <> '(other)') > 20
BEGIN
    INSERT INTO key_days (key_id, day, service, address, accepted, refused, last_at)
    VALUES (NEW.key_id, NEW.day, '(other)', '', NEW.accepted, NEW.refused, NEW.last_at)
    ON CONFLICT (key_id, day, service, address) DO UPDATE SET accepted = accepted + excluded.accepted,
        refused = refused + excluded.refused, last_at = max(last_at, excluded.last_at);
    DELETE FROM key_days
    WHERE key_id = NEW.key_id AND day = NEW.day AND service = NEW.service AND address = NEW.address;
END;
-- +goose StatementEnd
