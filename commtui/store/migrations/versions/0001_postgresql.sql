CREATE TABLE audit (
    id UUID NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    operator TEXT NOT NULL,
    operator_verified BOOLEAN DEFAULT false NOT NULL,
    action TEXT NOT NULL,
    targets JSONB NOT NULL,
    result JSONB NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE audit_text (
    audit_id UUID NOT NULL,
    words TEXT DEFAULT '' NOT NULL,
    PRIMARY KEY (audit_id)
);

CREATE TABLE bulk_run (
    id UUID NOT NULL,
    state TEXT NOT NULL,
    operator TEXT NOT NULL,
    operator_verified BOOLEAN DEFAULT false NOT NULL,
    query TEXT DEFAULT '' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    confirmed_at TIMESTAMP WITH TIME ZONE,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    lines INTEGER DEFAULT '0' NOT NULL,
    total INTEGER DEFAULT '0' NOT NULL,
    others INTEGER DEFAULT '0' NOT NULL,
    PRIMARY KEY (id)
);

CREATE INDEX ix_bulk_run_state ON bulk_run (state);

CREATE TABLE counter (
    month INTEGER NOT NULL,
    scope TEXT NOT NULL,
    channel TEXT NOT NULL,
    category TEXT NOT NULL,
    location_group TEXT NOT NULL,
    status TEXT NOT NULL,
    chip TEXT NOT NULL,
    ignored BOOLEAN NOT NULL,
    settled BOOLEAN NOT NULL,
    lines BIGINT NOT NULL,
    PRIMARY KEY (month, scope, channel, category, location_group, status, chip, ignored, settled)
);

CREATE TABLE counter_delta (
    seq BIGSERIAL NOT NULL,
    month INTEGER NOT NULL,
    scope TEXT NOT NULL,
    channel TEXT NOT NULL,
    category TEXT NOT NULL,
    location_group TEXT NOT NULL,
    status TEXT NOT NULL,
    chip TEXT NOT NULL,
    ignored BOOLEAN NOT NULL,
    settled BOOLEAN NOT NULL,
    lines BIGINT NOT NULL,
    PRIMARY KEY (seq)
);

CREATE TABLE customer (
    id UUID NOT NULL,
    external_id TEXT NOT NULL,
    name TEXT DEFAULT '' NOT NULL,
    name_folded TEXT DEFAULT '' NOT NULL,
    language TEXT DEFAULT '' NOT NULL,
    country TEXT DEFAULT '' NOT NULL,
    location_group TEXT DEFAULT '' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (external_id)
);

CREATE INDEX ix_customer_location_group ON customer (location_group);

CREATE INDEX ix_customer_name ON customer (name_folded);

CREATE TABLE document (
    sha256 TEXT NOT NULL,
    size BIGINT NOT NULL,
    content BYTEA NOT NULL,
    PRIMARY KEY (sha256)
);

CREATE TABLE entry (
    id UUID NOT NULL,
    communication_id UUID NOT NULL,
    subject_id UUID NOT NULL,
    customer_id UUID NOT NULL,
    channel TEXT NOT NULL,
    provider TEXT NOT NULL,
    cause TEXT NOT NULL,
    author TEXT NOT NULL,
    author_verified BOOLEAN DEFAULT false NOT NULL,
    replaces_id UUID,
    bulk_run_id UUID,
    version INTEGER DEFAULT '1' NOT NULL,
    rendering INTEGER DEFAULT '0' NOT NULL,
    template_version TEXT DEFAULT '' NOT NULL,
    recipient_hash TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    category TEXT NOT NULL,
    location_group TEXT DEFAULT '' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    status TEXT NOT NULL,
    chip TEXT NOT NULL,
    status_at TIMESTAMP WITH TIME ZONE NOT NULL,
    rank INTEGER DEFAULT '0' NOT NULL,
    error_class TEXT DEFAULT '' NOT NULL,
    error_code TEXT DEFAULT '' NOT NULL,
    error_key TEXT DEFAULT '' NOT NULL,
    sent_at TIMESTAMP WITH TIME ZONE,
    delivered_at TIMESTAMP WITH TIME ZONE,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    provider_message_id TEXT DEFAULT '' NOT NULL,
    delivered_twice BOOLEAN DEFAULT false NOT NULL,
    settled_by UUID,
    settled_at TIMESTAMP WITH TIME ZONE,
    ignored_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id)
)
 PARTITION BY RANGE (id);

CREATE INDEX ix_entry_bulk_run ON entry (bulk_run_id);

CREATE INDEX ix_entry_category ON entry (category, id);

CREATE INDEX ix_entry_chip ON entry (chip, id);

CREATE INDEX ix_entry_communication ON entry (communication_id);

CREATE INDEX ix_entry_customer ON entry (customer_id, id);

CREATE INDEX ix_entry_ignored ON entry (id) WHERE ignored_at IS NOT NULL;

CREATE INDEX ix_entry_provider_message ON entry (provider_message_id, provider);

CREATE INDEX ix_entry_status ON entry (status, id);

CREATE INDEX ix_entry_subject ON entry (subject_id, id);

CREATE TABLE entry_status (
    id UUID NOT NULL,
    entry_id UUID NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    status TEXT NOT NULL,
    word TEXT NOT NULL,
    source TEXT NOT NULL,
    try_number INTEGER DEFAULT '0' NOT NULL,
    error_class TEXT DEFAULT '' NOT NULL,
    error_code TEXT DEFAULT '' NOT NULL,
    author TEXT DEFAULT '' NOT NULL,
    author_verified BOOLEAN DEFAULT false NOT NULL,
    PRIMARY KEY (id)
)
 PARTITION BY RANGE (id);

CREATE INDEX ix_entry_status_entry ON entry_status (entry_id, id);

CREATE TABLE entry_status_text (
    entry_status_id UUID NOT NULL,
    words TEXT DEFAULT '' NOT NULL,
    PRIMARY KEY (entry_status_id)
);

CREATE TABLE entry_text (
    entry_id UUID NOT NULL,
    recipient TEXT DEFAULT '' NOT NULL,
    recipient_key TEXT DEFAULT '' NOT NULL,
    recipient_name TEXT DEFAULT '' NOT NULL,
    salt TEXT DEFAULT '' NOT NULL,
    error_words TEXT DEFAULT '' NOT NULL,
    note TEXT DEFAULT '' NOT NULL,
    PRIMARY KEY (entry_id)
);

CREATE INDEX ix_entry_text_recipient ON entry_text (recipient_key, entry_id);

CREATE TABLE import_run (
    id UUID NOT NULL,
    state TEXT NOT NULL,
    operator TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    position INTEGER DEFAULT '0' NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE inbox (
    id UUID NOT NULL,
    provider TEXT NOT NULL,
    path TEXT NOT NULL,
    headers JSONB NOT NULL,
    body BYTEA NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (id)
);

CREATE INDEX ix_inbox_state ON inbox (state, id);

CREATE TABLE journal (
    seq BIGSERIAL NOT NULL,
    xid BIGINT DEFAULT '0' NOT NULL,
    subject_id UUID,
    entry_id UUID,
    what TEXT NOT NULL,
    PRIMARY KEY (seq)
);

CREATE INDEX ix_journal_xid ON journal (xid, seq);

CREATE TABLE outbox (
    communication_id UUID NOT NULL,
    channel TEXT NOT NULL,
    entry_id UUID NOT NULL,
    subject_id UUID NOT NULL,
    provider TEXT NOT NULL,
    state TEXT NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    priority INTEGER DEFAULT '0' NOT NULL,
    tries INTEGER DEFAULT '0' NOT NULL,
    reason TEXT DEFAULT '' NOT NULL,
    worker_id UUID,
    fence INTEGER DEFAULT '0' NOT NULL,
    state_at TIMESTAMP WITH TIME ZONE NOT NULL,
    asked_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (communication_id, channel),
    UNIQUE (entry_id)
);

CREATE INDEX ix_outbox_due ON outbox (state, priority, due_at);

CREATE TABLE poll (
    entry_id UUID NOT NULL,
    asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (entry_id)
);

CREATE TABLE provider_event (
    day DATE NOT NULL,
    hash TEXT NOT NULL,
    id UUID NOT NULL,
    provider TEXT NOT NULL,
    kind TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    entry_id UUID,
    matched TEXT NOT NULL,
    provider_message_id TEXT DEFAULT '' NOT NULL,
    event_id TEXT DEFAULT '' NOT NULL,
    payload JSONB NOT NULL,
    PRIMARY KEY (day, hash)
)
 PARTITION BY RANGE (day);

CREATE INDEX ix_provider_event_entry ON provider_event (entry_id);

CREATE INDEX ix_provider_event_matched ON provider_event (matched, id);

CREATE TABLE provider_state (
    provider TEXT NOT NULL,
    paused_until TIMESTAMP WITH TIME ZONE,
    reason TEXT DEFAULT '' NOT NULL,
    failures INTEGER DEFAULT '0' NOT NULL,
    since TIMESTAMP WITH TIME ZONE,
    bad_signatures INTEGER DEFAULT '0' NOT NULL,
    PRIMARY KEY (provider)
);

CREATE TABLE search_row (
    id BIGSERIAL NOT NULL,
    subject_id UUID,
    customer_id UUID,
    entry_id UUID,
    folded TEXT NOT NULL,
    indexed BOOLEAN DEFAULT false NOT NULL,
    PRIMARY KEY (id)
);

CREATE INDEX ix_search_row_customer ON search_row (customer_id);

CREATE INDEX ix_search_row_pending ON search_row (id) WHERE NOT indexed;

CREATE INDEX ix_search_row_subject ON search_row (subject_id);

CREATE TABLE worker (
    id UUID NOT NULL,
    kind TEXT NOT NULL,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    heartbeat_at TIMESTAMP WITH TIME ZONE NOT NULL,
    alive_until TIMESTAMP WITH TIME ZONE NOT NULL,
    stopped_at TIMESTAMP WITH TIME ZONE,
    stop_requested BOOLEAN DEFAULT false NOT NULL,
    info TEXT DEFAULT '' NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE bulk_item (
    bulk_run_id UUID NOT NULL,
    position INTEGER NOT NULL,
    communication_id UUID NOT NULL,
    subject_id UUID NOT NULL,
    channel TEXT NOT NULL,
    seen_entry UUID,
    state TEXT NOT NULL,
    reason TEXT DEFAULT '' NOT NULL,
    entry_id UUID,
    PRIMARY KEY (bulk_run_id, position),
    FOREIGN KEY(bulk_run_id) REFERENCES bulk_run (id)
);

CREATE INDEX ix_bulk_item_state ON bulk_item (bulk_run_id, state, position);

CREATE TABLE contact (
    customer_id UUID NOT NULL,
    field TEXT NOT NULL,
    source_value TEXT DEFAULT '' NOT NULL,
    correction TEXT DEFAULT '' NOT NULL,
    replaced_value TEXT DEFAULT '' NOT NULL,
    corrected_by TEXT DEFAULT '' NOT NULL,
    corrected_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (customer_id, field),
    FOREIGN KEY(customer_id) REFERENCES customer (id)
);

CREATE TABLE import_line (
    import_run_id UUID NOT NULL,
    position INTEGER NOT NULL,
    number INTEGER NOT NULL,
    line JSONB NOT NULL,
    PRIMARY KEY (import_run_id, position),
    FOREIGN KEY(import_run_id) REFERENCES import_run (id)
);

CREATE TABLE subject (
    id UUID NOT NULL,
    customer_id UUID NOT NULL,
    type TEXT NOT NULL,
    reference TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    visible BOOLEAN DEFAULT false NOT NULL,
    communication_id UUID,
    entry_id UUID,
    sort_id UUID,
    channel TEXT DEFAULT '' NOT NULL,
    status TEXT DEFAULT '' NOT NULL,
    chip TEXT DEFAULT '' NOT NULL,
    error_key TEXT DEFAULT '' NOT NULL,
    attempts INTEGER DEFAULT '0' NOT NULL,
    others INTEGER DEFAULT '0' NOT NULL,
    ignored BOOLEAN DEFAULT false NOT NULL,
    location_group TEXT DEFAULT '' NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id),
    CONSTRAINT uq_subject UNIQUE (customer_id, type, reference),
    FOREIGN KEY(customer_id) REFERENCES customer (id)
);

CREATE INDEX ix_subject_chip ON subject (chip, ignored, sort_id);

CREATE INDEX ix_subject_customer ON subject (customer_id, sort_id);

CREATE INDEX ix_subject_reference ON subject (reference, sort_id);

CREATE INDEX ix_subject_sort ON subject (ignored, sort_id) WHERE visible;

CREATE INDEX ix_subject_status ON subject (status, sort_id);

CREATE INDEX ix_subject_type ON subject (type, sort_id);

CREATE TABLE communication (
    id UUID NOT NULL,
    external_id TEXT NOT NULL,
    subject_id UUID NOT NULL,
    customer_id UUID NOT NULL,
    kind TEXT NOT NULL,
    purpose TEXT NOT NULL,
    wanted JSONB NOT NULL,
    release TEXT NOT NULL,
    send_at TIMESTAMP WITH TIME ZONE,
    expires_at TIMESTAMP WITH TIME ZONE,
    collecting BOOLEAN DEFAULT false NOT NULL,
    started BOOLEAN DEFAULT false NOT NULL,
    version INTEGER DEFAULT '1' NOT NULL,
    line_hash TEXT DEFAULT '' NOT NULL,
    content_hash TEXT DEFAULT '' NOT NULL,
    ignored_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (external_id),
    FOREIGN KEY(subject_id) REFERENCES subject (id),
    FOREIGN KEY(customer_id) REFERENCES customer (id)
);

CREATE INDEX ix_communication_collecting ON communication (id) WHERE collecting;

CREATE INDEX ix_communication_customer ON communication (customer_id);

CREATE INDEX ix_communication_release ON communication (release, id) WHERE NOT started AND release = 'auto';

CREATE INDEX ix_communication_subject ON communication (subject_id);

CREATE TABLE subject_text (
    subject_id UUID NOT NULL,
    title TEXT DEFAULT '' NOT NULL,
    PRIMARY KEY (subject_id),
    FOREIGN KEY(subject_id) REFERENCES subject (id)
);

CREATE TABLE communication_document (
    communication_id UUID NOT NULL,
    version INTEGER NOT NULL,
    position INTEGER NOT NULL,
    role TEXT NOT NULL,
    name TEXT NOT NULL,
    media_type TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    PRIMARY KEY (communication_id, version, position),
    FOREIGN KEY(communication_id) REFERENCES communication (id),
    FOREIGN KEY(sha256) REFERENCES document (sha256)
);

CREATE TABLE content (
    communication_id UUID NOT NULL,
    version INTEGER NOT NULL,
    rendering INTEGER NOT NULL,
    subject TEXT DEFAULT '' NOT NULL,
    text TEXT DEFAULT '' NOT NULL,
    html TEXT DEFAULT '' NOT NULL,
    sms TEXT DEFAULT '' NOT NULL,
    context JSONB,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (communication_id, version, rendering),
    FOREIGN KEY(communication_id) REFERENCES communication (id)
);

CREATE TABLE lane (
    communication_id UUID NOT NULL,
    channel TEXT NOT NULL,
    status TEXT NOT NULL,
    latest_entry_id UUID,
    attempts INTEGER DEFAULT '0' NOT NULL,
    ignored BOOLEAN DEFAULT false NOT NULL,
    error_class TEXT DEFAULT '' NOT NULL,
    superseded_by UUID,
    PRIMARY KEY (communication_id, channel),
    FOREIGN KEY(communication_id) REFERENCES communication (id)
);
