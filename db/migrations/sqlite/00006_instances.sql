-- +goose Up

-- The oldest program that may use these tables, by the number of the last migration that it knows.
CREATE TABLE oldest_program (
    one       INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    migration INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO oldest_program (one, migration) VALUES (1, 6);

-- The number of the change that made or deactivated the key last; 0: before this was kept.
ALTER TABLE keys ADD COLUMN change INTEGER NOT NULL DEFAULT 0;
