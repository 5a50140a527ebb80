ALTER TABLE customer ADD COLUMN erased_at BIGINT;

CREATE TABLE database_state (
    id INTEGER NOT NULL,
    name TEXT NOT NULL,
    place TEXT NOT NULL,
    beat BIGINT DEFAULT '0' NOT NULL,
    state TEXT NOT NULL,
    reason TEXT DEFAULT '' NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (id)
);
