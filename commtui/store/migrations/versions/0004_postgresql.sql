ALTER TABLE entry_status ADD COLUMN fact TEXT DEFAULT '' NOT NULL;

ALTER TABLE entry_status ADD COLUMN rank INTEGER DEFAULT '0' NOT NULL;

ALTER TABLE entry_status ADD COLUMN step BOOLEAN DEFAULT false NOT NULL;

ALTER TABLE entry_status ADD COLUMN provider_message_id TEXT DEFAULT '' NOT NULL;

ALTER TABLE entry_status ADD COLUMN words_hash TEXT DEFAULT '' NOT NULL;

ALTER TABLE entry_status_text ADD COLUMN salt TEXT DEFAULT '' NOT NULL;

ALTER TABLE audit ADD COLUMN login_uid BIGINT;

ALTER TABLE audit ADD COLUMN process_uid BIGINT;

ALTER TABLE audit ADD COLUMN database_role TEXT DEFAULT '' NOT NULL;

ALTER TABLE audit ADD COLUMN words_hash TEXT DEFAULT '' NOT NULL;

ALTER TABLE audit_text ADD COLUMN salt TEXT DEFAULT '' NOT NULL;

ALTER TABLE journal ADD COLUMN record_id UUID;

CREATE INDEX ix_journal_record ON journal (xid, seq) WHERE record_id IS NOT NULL;

CREATE TABLE seal (
    number INTEGER NOT NULL,
    format INTEGER NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    upto_xid BIGINT NOT NULL,
    upto_seq BIGINT NOT NULL,
    records INTEGER NOT NULL,
    members BYTEA NOT NULL,
    digest TEXT NOT NULL,
    previous TEXT DEFAULT '' NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (number)
);

INSERT INTO journal (subject_id, entry_id, record_id, what) SELECT subject_id, id, id, 'new' FROM entry ORDER BY id;

INSERT INTO journal (entry_id, record_id, what) SELECT entry_id, id, 'status' FROM entry_status ORDER BY id;

INSERT INTO journal (record_id, what) SELECT id, 'audit' FROM audit ORDER BY id;
