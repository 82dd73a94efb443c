-- Schema private: keys, memory of requests, and state that only the machinery touches.
create table private.api_keys (
    id uuid primary key default pg_catalog.gen_random_uuid(),
    name text not null,
    role text not null,
    key_hash text not null,
    created_by jsonb not null,
    created_at timestamptz not null default pg_catalog.clock_timestamp(),
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz,
    constraint api_keys_hash_is_unique unique (key_hash),
    constraint api_keys_hash_is_sha256 check (key_hash ~ '^[0-9a-f]{64}$'),
    constraint api_keys_name_is_short check (pg_catalog.length(name) between 1 and 100),
    constraint api_keys_role_is_known check (role in ('viewer', 'operator', 'admin', 'scheduler'))
);
comment on table private.api_keys is
'Machine keys: only the SHA-256 of each is kept.';
comment on constraint api_keys_role_is_known on private.api_keys is
'role must be viewer, operator, admin or scheduler.';
comment on constraint api_keys_name_is_short on private.api_keys is
'name must have 1 to 100 characters.';
create unique index api_keys_one_of_a_name on private.api_keys (name) where revoked_at is null;
create trigger audit after insert or update on private.api_keys
for each row execute function private.audit_change(
    'api_key', 'name', 'role', 'expires_at', 'revoked_at'
);

create table private.idempotency_keys (
    credential text not null,
    action text not null,
    idempotency_key text not null,
    body_hash text not null,
    status_code integer not null,
    answer jsonb not null,
    created_at timestamptz not null default pg_catalog.clock_timestamp(),
    primary key (credential, action, idempotency_key)
);
comment on table private.idempotency_keys is
'First answers to requests with an Idempotency-Key, kept for a day.';
create index idempotency_keys_by_age on private.idempotency_keys (created_at);

create table private.detector_state (
    model_id uuid not null references public.ml_models (id) on delete cascade,
    environment public.ml_environment not null,
    state jsonb not null,
    seen_until timestamptz not null,
    updated_at timestamptz not null default pg_catalog.clock_timestamp(),
    primary key (model_id, environment)
);
comment on table private.detector_state is
'The sequential test of each served model: one small object, moving forward only.';

create table private.reference_profiles (
    model_id uuid primary key references public.ml_models (id) on delete cascade,
    profile jsonb not null,
    created_at timestamptz not null default pg_catalog.clock_timestamp()
);
comment on table private.reference_profiles is
'What the training data looked like, so that a drift check never reads it again.';

create table private.holdout_ledger (
    id bigint generated always as identity primary key,
    validation_id uuid not null references public.ml_model_validations (id) on delete cascade,
    holdout_start timestamptz not null,
    holdout_end timestamptz not null,
    used_at timestamptz not null default pg_catalog.clock_timestamp(),
    constraint holdout_ledger_is_ordered check (holdout_start <= holdout_end)
);
comment on table private.holdout_ledger is
'Which rows each validation judged by: the k-th use of the same rows must be stricter.';
create index holdout_ledger_by_validation on private.holdout_ledger (validation_id);

create table private.counted_labels (
    model_id uuid not null references public.ml_models (id) on delete cascade,
    row_key text not null,
    counted_at timestamptz not null default pg_catalog.clock_timestamp(),
    primary key (model_id, row_key)
);
comment on table private.counted_labels is
'Keys of rows that a model''s sequential test has counted: each row counts once, however late its label.';

create table private.audit_seals (
    id bigint generated always as identity primary key,
    range_start timestamptz not null,
    range_end timestamptz not null,
    row_count bigint not null,
    content_hash text not null,
    previous_hash text,
    sealed_at timestamptz not null default pg_catalog.clock_timestamp(),
    constraint audit_seals_is_ordered check (range_start <= range_end)
);
comment on table private.audit_seals is
'Hash chain over ranges of the audit log: a removed or changed row no longer fits its seal.';

create table private.workers (
    id text primary key,
    kind text not null,
    started_at timestamptz not null default pg_catalog.clock_timestamp(),
    last_seen_at timestamptz not null default pg_catalog.clock_timestamp(),
    constraint workers_kind_is_known check (kind in ('worker', 'scheduler'))
);
comment on table private.workers is 'Workers and schedulers that were seen lately.';
create index workers_by_age on private.workers (last_seen_at);

select private.record_migration('20261124001100');
