ALTER TABLE provider_state ADD COLUMN code TEXT DEFAULT '' NOT NULL;

CREATE TABLE account_check (
    provider TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    findings JSONB NOT NULL,
    PRIMARY KEY (provider)
);
