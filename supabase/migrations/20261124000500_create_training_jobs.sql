-- One row is one attempt to produce a challenger.
create table public.ml_training_jobs (
    id uuid primary key default pg_catalog.gen_random_uuid(),
    model_type text not null references public.ml_model_types (name),
    environment public.ml_environment not null,
    status public.ml_job_status not null default 'queued',
    stage text not null default 'queued',
    progress double precision not null default 0,
    attempt integer not null default 0,
    trigger text not null default 'manual',
    reason text,
    requested_by jsonb not null,
    request_id text,
    force boolean not null default false,
    override_limits boolean not null default false,
    auto_validate boolean not null default true,
    auto_deploy boolean not null default true,
    as_of timestamptz,
    follow_up jsonb,
    lease_token uuid,
    lease_owner text,
    lease_expires_at timestamptz,
    cancel_requested_at timestamptz,
    check_result jsonb,
    plan jsonb,
    fingerprint jsonb,
    result jsonb,
    skip_reason text,
    error jsonb,
    created_at timestamptz not null default pg_catalog.clock_timestamp(),
    queued_at timestamptz not null default pg_catalog.clock_timestamp(),
    started_at timestamptz,
    finished_at timestamptz,
    constraint ml_training_jobs_progress_in_range check (progress between 0 and 1),
    constraint ml_training_jobs_attempt_in_range check (attempt between 0 and 3),
    constraint ml_training_jobs_trigger_is_plain check (trigger ~ '^[a-z][a-z0-9_]{0,39}$'),
    constraint ml_training_jobs_reason_is_short check (pg_catalog.length(reason) <= 1000),
    constraint ml_training_jobs_running_has_lease check (
        (status = 'running') = (lease_token is not null)
        and (status = 'running') = (lease_expires_at is not null)
    ),
    constraint ml_training_jobs_end_has_time check (
        (status in ('queued', 'running')) = (finished_at is null)
    ),
    constraint ml_training_jobs_failure_has_error check (
        (status = 'failed') <= (error is not null)
    ),
    constraint ml_training_jobs_skip_has_reason check (
        (status = 'skipped') <= (skip_reason is not null)
    ),
    constraint ml_training_jobs_follow_up_has_id check (follow_up ? 'id')
);
comment on table public.ml_training_jobs is
'Attempts to produce a challenger, with what was asked, what was decided and why.';
comment on column public.ml_training_jobs.attempt is
'How many workers have claimed it; after the third lost one it fails.';
comment on column public.ml_training_jobs.trigger is
'What started it: manual, schedule, degradation, artifact, n8n.';
comment on column public.ml_training_jobs.requested_by is 'The actor who asked first.';
comment on column public.ml_training_jobs.follow_up is
'What was asked meanwhile and this job, which runs already, cannot do: queued under its id when this one ends.';
comment on column public.ml_training_jobs.lease_token is
'Proof of the worker that holds it; a late worker''s token no longer matches. No secret: only the service role may call what takes it.';
comment on column public.ml_training_jobs.result is
'What came of it: model, validation, deployment or the reason why none.';
comment on column public.ml_training_jobs.queued_at is
'When it last entered the queue; rung again when nobody claims it.';
create unique index ml_training_jobs_one_active
on public.ml_training_jobs (model_type, environment)
where status in ('queued', 'running');
create index ml_training_jobs_by_age on public.ml_training_jobs (created_at desc, id desc);
create index ml_training_jobs_by_type
on public.ml_training_jobs (model_type, created_at desc, id desc);
create index ml_training_jobs_active on public.ml_training_jobs (status, queued_at)
where status in ('queued', 'running');

create table private.training_job_callbacks (
    job_id uuid not null references public.ml_training_jobs (id) on delete cascade,
    url text not null,
    for_follow_up boolean not null default false,
    created_at timestamptz not null default pg_catalog.clock_timestamp(),
    primary key (job_id, url, for_follow_up),
    constraint training_job_callbacks_url_is_http check (url ~* '^https?://[^\s]+$'),
    constraint training_job_callbacks_url_is_short check (pg_catalog.length(url) <= 2000)
);
comment on table private.training_job_callbacks is
'Who wants to be called when a job, or the one that follows it, ends. The URL is a secret (n8n signs in its query).';

create table private.job_log_lines (
    id bigint generated always as identity primary key,
    job_id uuid not null references public.ml_training_jobs (id) on delete cascade,
    logged_at timestamptz not null default pg_catalog.clock_timestamp(),
    level text not null default 'info',
    message text not null,
    constraint job_log_lines_level_is_known check (level in ('info', 'warning', 'error')),
    constraint job_log_lines_message_is_short check (pg_catalog.length(message) <= 4000)
);
comment on table private.job_log_lines is 'What a worker said while it worked on a job.';
create index job_log_lines_by_job on private.job_log_lines (job_id, id);

select private.record_migration('20261124000500');
