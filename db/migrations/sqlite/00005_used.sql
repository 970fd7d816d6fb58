-- +goose Up

-- When a caller was last accepted, apart from when it was last refused: otherwise who was refused after a deactivation
-- could pass for who used the key last before it. 0 is never. Of what was kept before, it is as good as known.
ALTER TABLE key_days ADD COLUMN used_at INTEGER NOT NULL DEFAULT 0;
UPDATE key_days SET used_at = last_at WHERE accepted > 0;

DROP TRIGGER key_days_crowd;
-- +goose StatementBegin
CREATE TRIGGER key_days_crowd AFTER INSERT ON key_days
WHEN NEW.service <> '(other)' AND (SELECT count(*) FROM key_days
    WHERE key = NEW.key AND day = NEW.day AND service <> '(other)') > 20
BEGIN
    INSERT INTO key_days (key, day, service, address, accepted, refused, last_at, used_at)
    VALUES (NEW.key, NEW.day, '(other)', '', NEW.accepted, NEW.refused, NEW.last_at, NEW.used_at)
    ON CONFLICT (key, day, service, address) DO UPDATE SET accepted = accepted + excluded.accepted,
        refused = refused + excluded.refused, last_at = max(last_at, excluded.last_at),
        used_at = max(used_at, excluded.used_at);
    DELETE FROM key_days
    WHERE key = NEW.key AND day = NEW.day AND service = NEW.service AND address = NEW.address;
END;
-- +goose StatementEnd
