-- +goose Up

-- Whether the people and keys in here are made up: for load tests, on loopback only. It stays.
CREATE TABLE made_up (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER made_up_stays BEFORE DELETE ON made_up
BEGIN SELECT RAISE(ABORT, 'what was made up stays so'); END;
-- +goose StatementEnd

-- Keys are numbered, because what is written down of a million of them is four times as long by their ids.
ALTER TABLE keys ADD COLUMN number INTEGER NOT NULL DEFAULT 0;
UPDATE keys SET number = n.number
FROM (SELECT id, row_number() OVER (ORDER BY created_at, id) AS number FROM keys) n WHERE n.id = keys.id;
CREATE UNIQUE INDEX keys_number ON keys (number);

DROP TRIGGER keys_replace;
-- +goose StatementBegin
CREATE TRIGGER keys_replace BEFORE INSERT ON keys
WHEN EXISTS (SELECT 1 FROM keys
    WHERE id = NEW.id OR hash = NEW.hash OR number = NEW.number OR (user_id = NEW.user_id AND once = NEW.once))
BEGIN SELECT RAISE(ABORT, 'a key is made once'); END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER keys_numbered BEFORE INSERT ON keys WHEN NEW.number < 1
BEGIN SELECT RAISE(ABORT, 'a key has a number'); END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER keys_number_stays BEFORE UPDATE OF number ON keys WHEN NEW.number <> OLD.number
BEGIN SELECT RAISE(ABORT, 'a key keeps its number'); END;
-- +goose StatementEnd

-- All that the report and the count of active keys take of a key, so that neither looks for a million rows one by one.
DROP INDEX keys_of_user;
CREATE INDEX keys_of_user ON keys (user_id, created_at, id, last4, deactivated_at, number);

-- What names and e-mail addresses begin with, 1 to 3 characters, by User ID: so few match very many people, whom their
-- own indexes have in another order than the list. A User ID is in the list's own order.
CREATE TABLE user_beginnings (
    beginning TEXT NOT NULL,
    user_id   TEXT NOT NULL REFERENCES users (id),
    PRIMARY KEY (beginning, user_id)
) STRICT, WITHOUT ROWID;

INSERT INTO user_beginnings (beginning, user_id)
SELECT substr(name_folded, 1, n.column1), id FROM users, (VALUES (1), (2), (3)) n WHERE length(name_folded) >= n.column1
UNION SELECT substr(email, 1, n.column1), id FROM users, (VALUES (1), (2), (3)) n WHERE length(email) >= n.column1;

-- +goose StatementBegin
CREATE TRIGGER users_beginnings AFTER INSERT ON users
BEGIN
    INSERT INTO user_beginnings (beginning, user_id)
    SELECT substr(NEW.name_folded, 1, column1), NEW.id FROM (VALUES (1), (2), (3)) WHERE length(NEW.name_folded) >= column1
    UNION SELECT substr(NEW.email, 1, column1), NEW.id FROM (VALUES (1), (2), (3)) WHERE length(NEW.email) >= column1;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER users_beginnings_changed AFTER UPDATE OF name_folded, email ON users
BEGIN
    DELETE FROM user_beginnings WHERE user_id = OLD.id AND beginning IN (
        SELECT substr(OLD.name_folded, 1, column1) FROM (VALUES (1), (2), (3))
        UNION ALL SELECT substr(OLD.email, 1, column1) FROM (VALUES (1), (2), (3)));
    INSERT INTO user_beginnings (beginning, user_id)
    SELECT substr(NEW.name_folded, 1, column1), NEW.id FROM (VALUES (1), (2), (3)) WHERE length(NEW.name_folded) >= column1
    UNION SELECT substr(NEW.email, 1, column1), NEW.id FROM (VALUES (1), (2), (3)) WHERE length(NEW.email) >= column1;
END;
-- +goose StatementEnd
