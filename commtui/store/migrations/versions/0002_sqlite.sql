ALTER TABLE content ADD COLUMN template_version TEXT DEFAULT '' NOT NULL;

ALTER TABLE content ADD COLUMN letter_for TEXT DEFAULT '' NOT NULL;

ALTER TABLE content ADD COLUMN content_hash TEXT DEFAULT '' NOT NULL;

ALTER TABLE content ADD COLUMN offers_letter BOOLEAN DEFAULT 0 NOT NULL;

ALTER TABLE lane ADD COLUMN origin TEXT DEFAULT '' NOT NULL;

ALTER TABLE lane ADD COLUMN reason TEXT DEFAULT '' NOT NULL;

ALTER TABLE entry ADD COLUMN reason TEXT DEFAULT '' NOT NULL;

ALTER TABLE entry ADD COLUMN task TEXT DEFAULT '' NOT NULL;

ALTER TABLE entry_status ADD COLUMN layer TEXT DEFAULT '' NOT NULL;

DROP TABLE poll;

CREATE TABLE rendered_document (
    communication_id CHAR(32) NOT NULL,
    version INTEGER NOT NULL,
    rendering INTEGER NOT NULL,
    role TEXT NOT NULL,
    name TEXT NOT NULL,
    media_type TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    PRIMARY KEY (communication_id, version, rendering),
    FOREIGN KEY(communication_id) REFERENCES communication (id),
    FOREIGN KEY(sha256) REFERENCES document (sha256)
);

CREATE TABLE template (
    version TEXT NOT NULL,
    kind TEXT NOT NULL,
    language TEXT NOT NULL,
    sources JSON NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (version)
);

CREATE TABLE delivery_step (
    entry_id CHAR(32) NOT NULL,
    name TEXT NOT NULL,
    at BIGINT NOT NULL,
    reference JSON NOT NULL,
    PRIMARY KEY (entry_id, name)
);

CREATE TABLE poll (
    entry_id CHAR(32) NOT NULL,
    provider TEXT NOT NULL,
    accepted_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    times INTEGER DEFAULT '0' NOT NULL,
    hinted BOOLEAN DEFAULT 0 NOT NULL,
    PRIMARY KEY (entry_id)
);

CREATE INDEX ix_poll_due ON poll (due_at);

CREATE TABLE evidence (
    entry_id CHAR(32) NOT NULL,
    sha256 TEXT NOT NULL,
    name TEXT NOT NULL,
    media_type TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (entry_id, sha256),
    FOREIGN KEY(sha256) REFERENCES document (sha256)
);

CREATE TABLE registration (
    recipient TEXT NOT NULL,
    outcome TEXT NOT NULL,
    at BIGINT NOT NULL,
    words TEXT DEFAULT '' NOT NULL,
    details JSON NOT NULL,
    PRIMARY KEY (recipient)
);

CREATE TABLE opt_out (
    id CHAR(32) NOT NULL,
    address TEXT DEFAULT '' NOT NULL,
    customer_id CHAR(32),
    channel TEXT DEFAULT '' NOT NULL,
    scope TEXT NOT NULL,
    source TEXT NOT NULL,
    at BIGINT NOT NULL,
    note TEXT DEFAULT '' NOT NULL,
    author TEXT DEFAULT '' NOT NULL,
    lifted_at BIGINT,
    lifted_by TEXT DEFAULT '' NOT NULL,
    PRIMARY KEY (id)
);

CREATE INDEX ix_opt_out_address ON opt_out (address);

CREATE INDEX ix_opt_out_customer ON opt_out (customer_id);

CREATE TABLE address_mark (
    channel TEXT NOT NULL,
    address TEXT NOT NULL,
    at BIGINT NOT NULL,
    status TEXT NOT NULL,
    provider TEXT NOT NULL,
    code TEXT DEFAULT '' NOT NULL,
    entry_id CHAR(32),
    PRIMARY KEY (channel, address)
);

CREATE TABLE preference (
    customer_id CHAR(32) NOT NULL,
    kind TEXT NOT NULL,
    channels JSON NOT NULL,
    author TEXT DEFAULT '' NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (customer_id, kind),
    FOREIGN KEY(customer_id) REFERENCES customer (id)
);

CREATE TABLE fallback (
    entry_id CHAR(32) NOT NULL,
    communication_id CHAR(32) NOT NULL,
    cause TEXT DEFAULT '' NOT NULL,
    state TEXT NOT NULL,
    channel TEXT DEFAULT '' NOT NULL,
    paid BOOLEAN DEFAULT 0 NOT NULL,
    reason TEXT DEFAULT '' NOT NULL,
    at BIGINT NOT NULL,
    decided_at BIGINT,
    released_by TEXT DEFAULT '' NOT NULL,
    PRIMARY KEY (entry_id)
);

CREATE INDEX ix_fallback_cause ON fallback (cause, decided_at);

CREATE INDEX ix_fallback_state ON fallback (state, entry_id);

CREATE TABLE errand (
    id CHAR(32) NOT NULL,
    kind TEXT NOT NULL,
    provider TEXT NOT NULL,
    entry_id CHAR(32),
    address TEXT DEFAULT '' NOT NULL,
    reason TEXT DEFAULT '' NOT NULL,
    operator TEXT NOT NULL,
    state TEXT NOT NULL,
    at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    tries INTEGER DEFAULT '0' NOT NULL,
    done_at BIGINT,
    words TEXT DEFAULT '' NOT NULL,
    PRIMARY KEY (id)
);

CREATE INDEX ix_errand_address ON errand (address);

CREATE INDEX ix_errand_state ON errand (state, due_at);

CREATE TABLE signing_key (
    name TEXT NOT NULL,
    "key" TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (name)
);
