-- The host's word by which this key followed the one before it; empty for its first.
ALTER TABLE host_key ADD COLUMN succession TEXT NOT NULL DEFAULT '';
