-- What was measured: partitioned by month, since it grows with every check for ever.
create table public.ml_performance_metrics (
    id uuid not null default pg_catalog.gen_random_uuid(),
    recorded_at timestamptz not null default pg_catalog.clock_timestamp(),
    model_type text not null,
    environment public.ml_environment not null,
    model_id uuid not null,
    deployment_id uuid not null,
    operation_id uuid,
    training_job_id uuid,
    as_of timestamptz,
    window_start timestamptz not null,
    window_end timestamptz not null,
    metric text not null,
    baseline double precision,
    value double precision,
    degradation double precision,
    ci_low double precision,
    ci_high double precision,
    p_value double precision,
    samples integer not null,
    threshold double precision not null,
    verdict public.ml_check_verdict not null,
    needs_retraining boolean not null,
    low_power boolean not null default false,
    reason text not null,
    primary key (recorded_at, id),
    constraint ml_performance_metrics_p_value_in_range check (p_value between 0 and 1)
) partition by range (recorded_at);
comment on table public.ml_performance_metrics is
'A champion''s metric on newly labelled rows, with the verdict. No foreign keys: rows are kept by age, whatever becomes of what they name.';
comment on column public.ml_performance_metrics.value is
'Null when there were no rows to measure.';
create index ml_performance_metrics_by_type
on public.ml_performance_metrics (model_type, environment, recorded_at desc, id desc);
create index ml_performance_metrics_by_model
on public.ml_performance_metrics (model_id, recorded_at desc);

create table public.ml_training_data_quality (
    id uuid primary key default pg_catalog.gen_random_uuid(),
    model_type text not null references public.ml_model_types (name),
    training_job_id uuid references public.ml_training_jobs (id),
    score double precision not null,
    row_count integer not null,
    missing_share double precision not null,
    duplicate_rows integer not null,
    findings jsonb not null,
    as_of timestamptz,
    recorded_at timestamptz not null default pg_catalog.clock_timestamp(),
    constraint ml_training_data_quality_score_in_range check (score between 0 and 1),
    constraint ml_training_data_quality_missing_in_range check (missing_share between 0 and 1)
);
comment on table public.ml_training_data_quality is
'How fit the rows of a training were: a score and named findings.';
create index ml_training_data_quality_by_type
on public.ml_training_data_quality (model_type, recorded_at desc, id desc);
create index ml_training_data_quality_by_job
on public.ml_training_data_quality (training_job_id);

select private.record_migration('20261124000900');
