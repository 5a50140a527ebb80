ALTER TABLE outbox ADD COLUMN deaths INTEGER DEFAULT '0' NOT NULL;

ALTER TABLE bulk_run ADD COLUMN begins_at TIMESTAMP WITH TIME ZONE;

ALTER TABLE provider_state ADD COLUMN cause TEXT DEFAULT '' NOT NULL;

ALTER TABLE provider_state ADD COLUMN outages INTEGER DEFAULT '0' NOT NULL;

ALTER TABLE provider_state ADD COLUMN outage_at TIMESTAMP WITH TIME ZONE;

ALTER TABLE provider_state ADD COLUMN probe_until TIMESTAMP WITH TIME ZONE;

ALTER TABLE provider_state ADD COLUMN held_by TEXT DEFAULT '' NOT NULL;

ALTER TABLE provider_state ADD COLUMN held_at TIMESTAMP WITH TIME ZONE;

ALTER TABLE provider_state ADD COLUMN held_reason TEXT DEFAULT '' NOT NULL;

CREATE INDEX ix_outbox_claimed ON outbox (worker_id) WHERE worker_id IS NOT NULL AND state = 'queued';

CREATE INDEX ix_outbox_suspect ON outbox (due_at) WHERE deaths > 0;

CREATE TABLE provider_quota (
    provider TEXT NOT NULL,
    remaining INTEGER,
    resets_at TIMESTAMP WITH TIME ZONE,
    wait_until TIMESTAMP WITH TIME ZONE,
    waits INTEGER DEFAULT '0' NOT NULL,
    PRIMARY KEY (provider)
);
