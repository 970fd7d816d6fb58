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

-- All that the report and the count of active keys take of a key, so that neither looks for a million rows one by one.
DROP INDEX keys_of_user;
CREATE INDEX keys_of_user ON keys (user_id, created_at, id, last4, deactivated_at);

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
