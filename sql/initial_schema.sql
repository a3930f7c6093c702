-- Version 1, in the SQL that SQLite and PostgreSQL share. A later change is a new file: 0002_what.sql.
-- No table refers to one of another module: each module may be given a database of its own.
-- Instants are TEXT in UTC, 2026-11-23T08:15:30.000000Z: sorted as text they are sorted in time.

-- accounts ---------------------------------------------------------------------------------------

CREATE TABLE iacs_accounts (
    id TEXT PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,            -- lower case
    name TEXT NOT NULL DEFAULT '',
    tenant_id TEXT NOT NULL DEFAULT '',    -- empty: the one of the settings
    status TEXT NOT NULL DEFAULT 'enrolled'
        CHECK (status IN ('enrolled', 'active', 'sign_in_required', 'disabled')),
    object_id TEXT,                        -- who signed in: Entra's oid and tid, which never change
    directory_id TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);

-- sign-in and tokens: every `secret` is encrypted -------------------------------------------------

CREATE TABLE iacs_auth_sessions (
    state_hash TEXT PRIMARY KEY,           -- SHA-256 of the state parameter
    account_id TEXT NOT NULL,
    secret TEXT NOT NULL,                  -- nonce and PKCE verifier
    redirect_uri TEXT NOT NULL,
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL
);

CREATE TABLE iacs_tokens (
    account_id TEXT PRIMARY KEY,
    secret TEXT NOT NULL,                  -- access and refresh token
    scope TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    refresh_at TEXT NOT NULL,
    version BIGINT NOT NULL,               -- counts the writes; a refresh replaces only what it read
    updated_at TEXT NOT NULL
);

-- A lease is held by one process for a limited time: a token's refresh, the outbox's relay.
CREATE TABLE iacs_leases (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    expires_at TEXT NOT NULL
);

-- mail -------------------------------------------------------------------------------------------

CREATE TABLE iacs_mail_folders (
    account_id TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    delta_link TEXT,                       -- where the next request goes on; absent: from the start
    walk BIGINT NOT NULL DEFAULT 0,        -- counts the times that the folder was begun from the start again
    synced_at TEXT,                        -- absent: the present walk has not reached its end
    PRIMARY KEY (account_id, id)
);

CREATE TABLE iacs_messages (
    account_id TEXT NOT NULL,
    id TEXT NOT NULL,                      -- Graph's immutable id
    folder_id TEXT NOT NULL,
    change_key TEXT,
    internet_message_id TEXT,
    subject TEXT,
    sender_name TEXT,
    sender_address TEXT,
    sent_at TEXT,
    received_at TEXT,
    is_read BOOLEAN,
    has_attachments BOOLEAN,
    document TEXT NOT NULL,                -- the whole message as Graph gave it, JSON in ASCII
    problem TEXT,                          -- why the document does not fit the schema; absent when it does
    walk BIGINT NOT NULL,                  -- its folder's walk that met it last
    stored_at TEXT NOT NULL,
    removed_at TEXT,                       -- gone from the folder; the row stays
    PRIMARY KEY (account_id, id)
);

CREATE INDEX iacs_messages_by_received ON iacs_messages (account_id, received_at);
CREATE INDEX iacs_messages_by_folder ON iacs_messages (account_id, folder_id, walk);

-- events -----------------------------------------------------------------------------------------

-- Numbers are drawn from a row that the transaction locks, so that they are dense and become visible in
-- their order on both databases; a sequence promises neither.
CREATE TABLE iacs_counters (
    name TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);

CREATE TABLE iacs_outbox (
    position BIGINT PRIMARY KEY,
    event_id TEXT NOT NULL,
    topic TEXT NOT NULL,
    event_key TEXT,
    value TEXT NOT NULL,                   -- JSON
    created_at TEXT NOT NULL,
    published_at TEXT                      -- absent: still to be published
);

CREATE INDEX iacs_outbox_pending ON iacs_outbox (position) WHERE published_at IS NULL;

CREATE TABLE iacs_event_log (
    topic TEXT NOT NULL,
    shard INTEGER NOT NULL,
    position BIGINT NOT NULL,              -- from 0, dense in each shard of a topic
    event_id TEXT,
    event_key TEXT,
    value TEXT NOT NULL,                   -- JSON
    headers TEXT NOT NULL DEFAULT '{}',
    created_at TEXT NOT NULL,
    PRIMARY KEY (topic, shard, position)
);

CREATE TABLE iacs_event_log_members (
    group_name TEXT NOT NULL,
    topic TEXT NOT NULL,
    member TEXT NOT NULL,
    expires_at TEXT NOT NULL,              -- not renewed by then: the member is dead
    PRIMARY KEY (group_name, topic, member)
);

CREATE TABLE iacs_event_log_offsets (
    group_name TEXT NOT NULL,
    topic TEXT NOT NULL,
    shard INTEGER NOT NULL,
    next_position BIGINT NOT NULL,         -- all before it is finished
    owner TEXT,                            -- the member that reads this shard; absent: none
    PRIMARY KEY (group_name, topic, shard)
);
