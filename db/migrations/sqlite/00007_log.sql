-- +goose Up

-- The audit log is a Merkle tree (RFC 6962): each entry is a leaf, and the hashes that it completed stand with it, the
-- leaf's own first. What it made of rows of users, keys and links stands in it too, by their digests.
ALTER TABLE audit ADD COLUMN traces TEXT NOT NULL DEFAULT '[]';
ALTER TABLE audit ADD COLUMN hashes BLOB NOT NULL DEFAULT x'';

-- What names the log in its checkpoints; the hashes on the right edge of the tree, from which it grows; and the newest
-- checkpoint, signed.
ALTER TABLE audit_head ADD COLUMN origin TEXT NOT NULL DEFAULT '';
ALTER TABLE audit_head ADD COLUMN edge BLOB NOT NULL DEFAULT x'';
ALTER TABLE audit_head ADD COLUMN checkpoint TEXT NOT NULL DEFAULT '';

-- Whether there is an anchor, a file that holds the log too: 1 from the first start with one on.
ALTER TABLE audit_head ADD COLUMN anchored INTEGER NOT NULL DEFAULT 0;

-- By which the log is searched.
CREATE INDEX audit_actor ON audit (actor, number);
CREATE INDEX audit_user ON audit (user_id, number) WHERE user_id <> actor; -- most are about who made them
CREATE INDEX audit_action ON audit (action, number);
CREATE INDEX audit_at ON audit (at, number);

-- What checkpoints are signed with, sealed, and by which public key they are verified. None is ever dropped.
CREATE TABLE signing_keys (
    id         TEXT    NOT NULL PRIMARY KEY, -- UUIDv7
    verifier   TEXT    NOT NULL,
    sealed     BLOB    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- When a pepper went with the last active key that was hashed under it; what was sealed is then empty.
ALTER TABLE secrets ADD COLUMN retired_at INTEGER;

-- Entries from before this are hashed once.
DROP TRIGGER audit_update;
-- +goose StatementBegin
CREATE TRIGGER audit_update BEFORE UPDATE ON audit
WHEN OLD.hashes <> x'' OR NEW.number <> OLD.number OR NEW.at <> OLD.at OR NEW.actor <> OLD.actor
    OR NEW.address <> OLD.address OR NEW.action <> OLD.action OR NEW.user_id <> OLD.user_id
    OR NEW.key_id <> OLD.key_id OR NEW.detail <> OLD.detail OR NEW.traces <> OLD.traces
BEGIN SELECT RAISE(ABORT, 'the audit log is never altered'); END;
-- +goose StatementEnd

DROP TRIGGER audit_head_forward;
-- +goose StatementBegin
CREATE TRIGGER audit_head_forward BEFORE UPDATE OF number ON audit_head WHEN NEW.number <> OLD.number + 1
BEGIN SELECT RAISE(ABORT, 'the audit log is appended to, in order'); END;
-- +goose StatementEnd

-- What was signed of a size stays: of one log there are never two checkpoints that contradict each other.
-- +goose StatementBegin
CREATE TRIGGER audit_head_signed BEFORE UPDATE OF origin, edge, checkpoint ON audit_head
WHEN NEW.number = OLD.number AND instr(OLD.checkpoint, char(10) || OLD.number || char(10)) > 0
BEGIN SELECT RAISE(ABORT, 'the audit log is appended to, in order'); END;
-- +goose StatementEnd

-- An older program would make changes that are in no tree.
UPDATE oldest_program SET migration = 7;
