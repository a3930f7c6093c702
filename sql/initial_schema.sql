-- Schema version 1, in the SQL that SQLite and PostgreSQL share. Later versions are new files: 0002_what.sql.
-- Every table is named iacs_…, so that it can live beside the tables of an application.
-- No table refers to a table of another module: each module may have a database of its own.
-- Timestamps are TEXT in UTC, such as 2026-11-23T08:15:30.000000Z: their text order is their time order.

-- accounts ---------------------------------------------------------------------------------------

CREATE TABLE iacs_accounts (
    id TEXT PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,            -- in lower case
    name TEXT NOT NULL DEFAULT '',
    tenant_id TEXT NOT NULL DEFAULT '',    -- empty: the tenant from the settings
    username TEXT NOT NULL DEFAULT '',     -- the name that the person signs in with, in lower case; empty: the address
    access TEXT NOT NULL DEFAULT 'delegated'   -- whose grant opens the mailbox
        CHECK (access IN ('delegated', 'shared', 'application')),
    via TEXT NOT NULL DEFAULT '',          -- the address of the account that opens a shared mailbox
    status TEXT NOT NULL DEFAULT 'enrolled'
        CHECK (status IN ('enrolled', 'active', 'sign_in_required')),
    disabled_at TEXT,                      -- NULL: enabled; a disabled account keeps its status for later
    object_id TEXT,                        -- the person who signed in: Entra's claim oid, which never changes
    directory_id TEXT,                     -- the directory the person belongs to: Entra's claim tid
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);

-- sign-in and tokens: the column `secret` is encrypted --------------------------------------------

-- Sign-ins that were started and not finished yet.
CREATE TABLE iacs_auth_sessions (
    state_hash TEXT PRIMARY KEY,           -- SHA-256 of OAuth's parameter `state`
    account_id TEXT NOT NULL,
    secret TEXT NOT NULL,                  -- nonce, PKCE code verifier, tenant and claims, with a data key of their own
    redirect_uri TEXT NOT NULL,
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL
);

-- Reconnect links that were sent to a person and have not led to a sign-in yet.
CREATE TABLE iacs_auth_links (
    link_hash TEXT PRIMARY KEY,            -- SHA-256 of the link's secret
    account_id TEXT NOT NULL,
    browser_hash TEXT,                     -- of the browser that has used it, and alone may use it again; NULL: none
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL
);

CREATE TABLE iacs_tokens (
    account_id TEXT PRIMARY KEY,
    secret TEXT NOT NULL,                  -- access token and refresh token, encrypted with the account's data key
    scope TEXT NOT NULL,                   -- granted scopes, separated by spaces
    expires_at TEXT NOT NULL,
    refresh_at TEXT NOT NULL,              -- refreshed from then on, while the access token is still valid
    version BIGINT NOT NULL,               -- counts the writes; a refresh replaces only the version it read
    suspended BOOLEAN NOT NULL DEFAULT FALSE,  -- kept, and not given to anybody
    updated_at TEXT NOT NULL
);

-- The tokens of each account are encrypted with a key of its own, which is stored encrypted ("wrapped") with a key of
-- the settings or of a key service. Without this row the tokens cannot be read, also not those of a backup.
CREATE TABLE iacs_data_keys (
    account_id TEXT PRIMARY KEY,
    wrapped_key TEXT NOT NULL,             -- base64
    wrapping_key_id TEXT NOT NULL,
    created_at TEXT NOT NULL
);

-- Renewals that Entra ID refused since the last sign-in; the row outlives tokens that the refusal ended.
CREATE TABLE iacs_token_refusals (
    account_id TEXT PRIMARY KEY,
    version BIGINT NOT NULL,               -- the version of the tokens that were not renewed
    claims TEXT NOT NULL,                  -- what the next sign-in has to satisfy, JSON; empty: nothing in particular
    refused_at TEXT NOT NULL
);

-- Locks with a time limit, each held by one process: refreshing a token, relaying the outbox.
CREATE TABLE iacs_leases (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    expires_at TEXT NOT NULL
);

-- mail -------------------------------------------------------------------------------------------

CREATE TABLE iacs_mailboxes (
    account_id TEXT PRIMARY KEY,
    paused_until TEXT,                     -- Graph asked for no request before then; NULL: it never did
    first_sync_at TEXT,                    -- when its first sync began
    hidden_folders BIGINT,                 -- folders that are hidden and not synced, when Graph last listed them
    hidden_messages BIGINT,                -- the messages in them
    recoverable_messages BIGINT,           -- deleted messages that are in no folder; NULL: not known
    covered_at TEXT                        -- when hidden folders were last counted
);

CREATE TABLE iacs_mail_folders (
    account_id TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    delta_link TEXT,                       -- URL of the next request; NULL: the folder's first page
    generation BIGINT NOT NULL DEFAULT 0,  -- counts the full syncs of the folder, each from its first page
    synced_at TEXT,                        -- end of this generation's last sync; NULL: its full sync is not finished
    since TEXT,                            -- mail received before then is not stored; NULL: all is
    reads_all BOOLEAN NOT NULL DEFAULT FALSE,  -- Graph's own filter had a limit: mail before then is left out here
    problem TEXT,                          -- why the last sync of the folder failed; NULL: it did not
    failed_at TEXT,                        -- when it failed
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
    document TEXT NOT NULL,                -- the complete message as Graph returned it: JSON; a BLOB: Zstandard, in SQLite
    problem TEXT,                          -- why the document does not match the schema; NULL when it does
    generation BIGINT NOT NULL,            -- the folder's generation in which the message was last seen
    stored_at TEXT NOT NULL,
    removed_at TEXT,                       -- when the message was seen to have left the folder; the row is kept
    PRIMARY KEY (account_id, id)
);

CREATE INDEX iacs_messages_by_received ON iacs_messages (account_id, received_at);
-- With removed_at, messages are counted from this index alone, without their rows, which contain the documents.
CREATE INDEX iacs_messages_by_folder ON iacs_messages (account_id, folder_id, id, removed_at);
CREATE INDEX iacs_messages_by_generation ON iacs_messages (account_id, folder_id, generation);
CREATE INDEX iacs_messages_unreadable ON iacs_messages (account_id, folder_id)
    WHERE problem IS NOT NULL AND removed_at IS NULL;

-- Pages of several folders are stored in any order: the other folders that may have a message while it moves.
CREATE TABLE iacs_moving_messages (
    account_id TEXT NOT NULL,
    message_id TEXT NOT NULL,
    folder_id TEXT NOT NULL,
    generation BIGINT NOT NULL,            -- the folder's generation in which it listed the message
    PRIMARY KEY (account_id, message_id, folder_id)
);

-- events -----------------------------------------------------------------------------------------

-- Numbers are drawn from a row that the transaction locks, so that they are dense and become visible in
-- their order on both databases; a sequence promises neither.
CREATE TABLE iacs_counters (
    name TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);

-- Debezium's outbox event router reads this table as it is, with route.topic.replacement=${routedByValue}.
CREATE TABLE iacs_outbox (
    position BIGINT PRIMARY KEY,           -- rises within a key in the order of the commits
    id TEXT NOT NULL,                      -- of the event
    aggregatetype TEXT NOT NULL,           -- the topic
    aggregateid TEXT,                      -- the key; absent: none
    type TEXT NOT NULL,                    -- the type that the value states; else the topic
    payload TEXT NOT NULL,                 -- the value, JSON
    headers TEXT NOT NULL DEFAULT '{}',    -- a JSON object of texts: the attributes of CloudEvents, and others
    created_at TEXT NOT NULL,
    published_at TEXT,                     -- absent: still to be published; a published event is kept only by request
    attempts INTEGER NOT NULL DEFAULT 0,   -- counts the times that the broker rejected the event
    problem TEXT,                          -- why it did, the last time
    parked_at TEXT                         -- present: not sent again, and later events of its key wait
);

CREATE INDEX iacs_outbox_pending ON iacs_outbox (position) WHERE published_at IS NULL;
CREATE INDEX iacs_outbox_published ON iacs_outbox (published_at) WHERE published_at IS NOT NULL;
CREATE INDEX iacs_outbox_parked ON iacs_outbox (aggregatetype, aggregateid, position) WHERE parked_at IS NOT NULL;

CREATE TABLE iacs_event_log (
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    "offset" BIGINT NOT NULL,              -- from 0, dense in each partition; quoted: a reserved word in PostgreSQL
    event_id TEXT,
    event_key TEXT,
    value TEXT NOT NULL,                   -- JSON
    headers TEXT NOT NULL DEFAULT '{}',    -- a JSON object of texts: the attributes of CloudEvents, and others
    created_at TEXT NOT NULL,
    PRIMARY KEY (topic, partition, "offset")
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
    partition INTEGER NOT NULL,
    next_offset BIGINT NOT NULL,           -- everything before it is finished
    owner TEXT,                            -- the member that reads this partition; absent: none
    PRIMARY KEY (group_name, topic, partition)
);
