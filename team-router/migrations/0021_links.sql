-- By which cards a host can be woken, and from which address it reached the router: JSON, or empty.
ALTER TABLE host ADD COLUMN links_json TEXT NOT NULL DEFAULT '';
