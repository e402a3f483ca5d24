-- People, hosts, roles, sessions and the audit log. SQLite and PostgreSQL both run this: texts and 64-bit numbers only;
-- times are seconds since 1970, hashes and keys base64url, lists and objects JSON.

CREATE TABLE meta (name TEXT PRIMARY KEY, value BIGINT NOT NULL);
-- Raised by every change that may take a right away; a running router looks at it every second.
INSERT INTO meta (name, value) VALUES ('policy', 1);

CREATE TABLE account (
    id TEXT PRIMARY KEY,
    provider TEXT NOT NULL,
    subject TEXT NOT NULL,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    groups_json TEXT NOT NULL,
    created BIGINT NOT NULL,
    last_login BIGINT NOT NULL,
    UNIQUE (provider, subject)
);

-- A browser's login; its cookie is known by its hash alone.
CREATE TABLE login (
    hash TEXT PRIMARY KEY,
    account TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    jti TEXT NOT NULL UNIQUE,
    auth_time BIGINT NOT NULL,
    created BIGINT NOT NULL,
    last_seen BIGINT NOT NULL,
    expires BIGINT NOT NULL
);

CREATE TABLE role (name TEXT PRIMARY KEY, spec_json TEXT NOT NULL, changed BIGINT NOT NULL);

-- Who has a role: an account by its number, or a group that a provider names.
CREATE TABLE role_binding (
    provider TEXT NOT NULL,
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    role TEXT NOT NULL,
    PRIMARY KEY (provider, kind, value, role)
);

CREATE TABLE lock_entry (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    target TEXT NOT NULL,
    reason TEXT NOT NULL,
    expires BIGINT,
    created_by TEXT NOT NULL,
    created BIGINT NOT NULL
);

CREATE TABLE host (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    labels_json TEXT NOT NULL,
    version TEXT NOT NULL,
    created BIGINT NOT NULL,
    last_seen BIGINT NOT NULL
);

CREATE TABLE host_key (
    kid TEXT PRIMARY KEY,
    host TEXT NOT NULL REFERENCES host (id) ON DELETE CASCADE,
    public TEXT NOT NULL,
    state TEXT NOT NULL,
    created BIGINT NOT NULL
);

CREATE TABLE enroll_token (
    hash TEXT PRIMARY KEY,
    prefix TEXT NOT NULL,
    labels_json TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL
);

CREATE TABLE session (
    id TEXT PRIMARY KEY,
    host TEXT NOT NULL,
    account TEXT NOT NULL,
    holder TEXT NOT NULL,
    rights TEXT NOT NULL,
    created BIGINT NOT NULL,
    until BIGINT NOT NULL,
    ended BIGINT,
    reason TEXT
);
CREATE INDEX session_live ON session (host) WHERE ended IS NULL;

-- Append only. `text` is what was written, byte for byte; `hash` is over the hash before it and the text.
CREATE TABLE audit (
    seq BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    code TEXT NOT NULL,
    text TEXT NOT NULL,
    hash TEXT NOT NULL
);
