-- Finding rows of the audit log, what was signed of it, and how far each sink has come.

-- What the row's text says, so that it can be looked for; `audit verify` compares them.
ALTER TABLE audit ADD COLUMN account TEXT NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN host TEXT NOT NULL DEFAULT '';
CREATE INDEX audit_account ON audit (account, seq);
CREATE INDEX audit_host ON audit (host, seq);
CREATE INDEX audit_code ON audit (code, seq);
CREATE INDEX audit_at ON audit (at);

-- A router's signed word of where the log stood: of row `seq`, by the key `kid`.
CREATE TABLE audit_checkpoint (
    seq BIGINT NOT NULL,
    kid TEXT NOT NULL,
    token TEXT NOT NULL,
    PRIMARY KEY (seq, kid)
);

CREATE TABLE audit_sink (name TEXT PRIMARY KEY, seq BIGINT NOT NULL, checkpoint BIGINT NOT NULL);
