-- A second factor: when a login last gave one, the passkeys of accounts, and what a session was opened with.

-- When the provider was asked anew and said so, and when a passkey of the account was shown; 0 is never.
ALTER TABLE login ADD COLUMN step_up_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE login ADD COLUMN passkey_at BIGINT NOT NULL DEFAULT 0;
-- What the provider calls its own session with this browser (OpenID Connect Front- and Back-Channel Logout 1.0, `sid`).
ALTER TABLE login ADD COLUMN provider_sid TEXT NOT NULL DEFAULT '';

ALTER TABLE session ADD COLUMN factor TEXT NOT NULL DEFAULT 'off';

CREATE TABLE webauthn_credential (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    passkey_json TEXT NOT NULL,
    -- How often its authenticator says that it was used; one that does not count says 0.
    counter BIGINT NOT NULL,
    name TEXT NOT NULL,
    created BIGINT NOT NULL,
    last_used BIGINT NOT NULL
);

-- Whoever has the link becomes an account with a passkey, or an administrator.
CREATE TABLE invite (
    hash TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    admin BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL
);
