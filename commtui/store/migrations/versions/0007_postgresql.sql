ALTER TABLE provider_state ADD COLUMN bad_signature_at TIMESTAMP WITH TIME ZONE;

CREATE TABLE finding (
    name TEXT NOT NULL,
    sentence TEXT NOT NULL,
    advice TEXT NOT NULL,
    since TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (name)
);

CREATE INDEX ix_inbox_provider ON inbox (provider, received_at);

CREATE INDEX ix_provider_event_waiting ON provider_event (provider_message_id, provider) WHERE matched = 'waiting';
