-- A host that somebody shares for a while: whoever has the link and a login becomes a member, so many of them.

CREATE TABLE share (
    id TEXT PRIMARY KEY,
    hash TEXT NOT NULL UNIQUE,
    host TEXT NOT NULL REFERENCES host (id) ON DELETE CASCADE,
    -- Whose rights it gives on.
    account TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    created BIGINT NOT NULL,
    until BIGINT NOT NULL,
    uses_left BIGINT NOT NULL
);

CREATE TABLE share_member (
    share TEXT NOT NULL REFERENCES share (id) ON DELETE CASCADE,
    account TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    since BIGINT NOT NULL,
    PRIMARY KEY (share, account)
);
