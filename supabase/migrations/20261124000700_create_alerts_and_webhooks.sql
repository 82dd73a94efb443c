-- What people and other systems are to be told.
create table public.ml_alerts (
    id uuid primary key default pg_catalog.gen_random_uuid(),
    model_type text not null references public.ml_model_types (name),
    environment public.ml_environment not null,
    kind text not null,
    severity text not null,
    status public.ml_alert_status not null default 'open',
    message text not null,
    details jsonb not null default '{}',
    occurrences integer not null default 1,
    acknowledged_by jsonb,
    acknowledged_at timestamptz,
    resolved_at timestamptz,
    created_at timestamptz not null default pg_catalog.clock_timestamp(),
    last_seen_at timestamptz not null default pg_catalog.clock_timestamp(),
    constraint ml_alerts_kind_is_known check (
        kind in (
            'performance_degradation', 'training_failure', 'deployment_issue', 'data_quality',
            'artifact_mismatch'
        )
    ),
    constraint ml_alerts_severity_is_known check (severity in ('info', 'warning', 'critical')),
    constraint ml_alerts_resolved_has_time check ((status = 'resolved') = (resolved_at is not null))
);
comment on table public.ml_alerts is
'What needs a person''s eye; one open row per model type, environment and kind.';
comment on column public.ml_alerts.occurrences is 'How often it was seen while it stands.';
create unique index ml_alerts_one_standing on public.ml_alerts (model_type, environment, kind)
where status <> 'resolved';
create index ml_alerts_by_age on public.ml_alerts (created_at desc, id desc);
create index ml_alerts_by_type on public.ml_alerts (model_type, created_at desc, id desc);

create table public.ml_webhook_deliveries (
    id uuid primary key default pg_catalog.gen_random_uuid(),
    training_job_id uuid references public.ml_training_jobs (id) on delete set null,
    url text not null,
    event text not null,
    payload jsonb not null,
    status public.ml_delivery_status not null default 'pending',
    attempts integer not null default 0,
    next_attempt_at timestamptz not null default pg_catalog.clock_timestamp(),
    last_error text,
    delivered_at timestamptz,
    created_at timestamptz not null default pg_catalog.clock_timestamp(),
    constraint ml_webhook_deliveries_url_is_http check (url ~* '^https?://[^\s]+$'),
    constraint ml_webhook_deliveries_delivered_has_time check (
        (status = 'delivered') = (delivered_at is not null)
    )
);
comment on table public.ml_webhook_deliveries is
'Callbacks to send: written in the transaction that ends the job, so that none is lost.';
comment on column public.ml_webhook_deliveries.url is
'A secret (n8n signs in its query): never shown, not granted to users.';
create index ml_webhook_deliveries_by_job on public.ml_webhook_deliveries (training_job_id);
create index ml_webhook_deliveries_by_age
on public.ml_webhook_deliveries (created_at desc, id desc);
create index ml_webhook_deliveries_due on public.ml_webhook_deliveries (next_attempt_at)
where status = 'pending';

select private.record_migration('20261124000700');
