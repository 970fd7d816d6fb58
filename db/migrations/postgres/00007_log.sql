-- +goose Up

-- As on SQLite.

ALTER TABLE audit ADD COLUMN traces TEXT COLLATE "C" NOT NULL DEFAULT '[]';
ALTER TABLE audit ADD COLUMN hashes BYTEA NOT NULL DEFAULT '';

ALTER TABLE audit_head ADD COLUMN origin TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE audit_head ADD COLUMN edge BYTEA NOT NULL DEFAULT '';
ALTER TABLE audit_head ADD COLUMN checkpoint TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE audit_head ADD COLUMN anchored INTEGER NOT NULL DEFAULT 0;

CREATE INDEX audit_actor ON audit (actor, number);
CREATE INDEX audit_user ON audit (user_id, number) WHERE user_id <> actor; -- most are about who made them
CREATE INDEX audit_action ON audit (action, number);
CREATE INDEX audit_at ON audit (at, number);

CREATE TABLE signing_keys (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY, -- UUIDv7
    verifier   TEXT COLLATE "C" NOT NULL,
    sealed     BYTEA            NOT NULL,
    created_at BIGINT           NOT NULL
);

ALTER TABLE secrets ADD COLUMN retired_at BIGINT;

DROP TRIGGER audit_stays ON audit;
CREATE TRIGGER audit_stays BEFORE DELETE ON audit
FOR EACH ROW EXECUTE FUNCTION refuse('the audit log is never altered');

-- Entries from before this are hashed once.
CREATE TRIGGER audit_hashed_once BEFORE UPDATE ON audit
FOR EACH ROW WHEN (OLD.hashes <> '' OR (NEW.number, NEW.at, NEW.actor, NEW.address, NEW.action, NEW.user_id, NEW.key_id,
    NEW.detail, NEW.traces) IS DISTINCT FROM (OLD.number, OLD.at, OLD.actor, OLD.address, OLD.action, OLD.user_id,
    OLD.key_id, OLD.detail, OLD.traces))
EXECUTE FUNCTION refuse('the audit log is never altered');

DROP TRIGGER audit_head_forward ON audit_head;
CREATE TRIGGER audit_head_forward BEFORE UPDATE ON audit_head
FOR EACH ROW WHEN (NEW.number IS DISTINCT FROM OLD.number + 1 AND (NEW.number IS DISTINCT FROM OLD.number
    OR (NEW.origin, NEW.edge, NEW.checkpoint, NEW.anchored) IS NOT DISTINCT FROM
    (OLD.origin, OLD.edge, OLD.checkpoint, OLD.anchored)))
EXECUTE FUNCTION refuse('the audit log is appended to, in order');

CREATE TRIGGER audit_head_signed BEFORE UPDATE ON audit_head
FOR EACH ROW WHEN (NEW.number = OLD.number AND strpos(OLD.checkpoint, chr(10) || OLD.number || chr(10)) > 0
    AND (NEW.origin, NEW.edge, NEW.checkpoint) IS DISTINCT FROM (OLD.origin, OLD.edge, OLD.checkpoint))
EXECUTE FUNCTION refuse('the audit log is appended to, in order');

UPDATE oldest_program SET migration = 7;
