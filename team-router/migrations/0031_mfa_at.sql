-- When the second factor was given that a session was opened with; 0 is never. Hosts are told, and may want a fresh one.
ALTER TABLE session ADD COLUMN mfa_at BIGINT NOT NULL DEFAULT 0;
