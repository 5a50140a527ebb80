ALTER TABLE provider_state ADD COLUMN code TEXT DEFAULT '' NOT NULL;

CREATE TABLE account_check (
    provider TEXT NOT NULL,
    at BIGINT,
    due_at BIGINT NOT NULL,
    findings JSON NOT NULL,
    PRIMARY KEY (provider)
);
