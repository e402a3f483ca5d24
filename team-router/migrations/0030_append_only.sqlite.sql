-- The audit log is appended to and nothing else, whoever asks: also whoever has the database's own console by mistake.
-- What is replaced goes without a trigger of its own (`recursive_triggers` is off), so a number that is there is refused.

CREATE TRIGGER audit_kept_whole BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_kept BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_once BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'the audit log has that row already'); END;

CREATE TRIGGER audit_checkpoint_kept_whole BEFORE UPDATE ON audit_checkpoint
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_checkpoint_kept BEFORE DELETE ON audit_checkpoint
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
-- The same row signed again is no fault: the first word stays.
CREATE TRIGGER audit_checkpoint_once BEFORE INSERT ON audit_checkpoint
WHEN EXISTS (SELECT 1 FROM audit_checkpoint WHERE seq = NEW.seq AND kid = NEW.kid)
BEGIN SELECT RAISE(IGNORE); END;
