-- Trained versions, the judgements on them, and where they serve.
create table public.ml_models (
    id uuid primary key default pg_catalog.gen_random_uuid(),
    model_type text not null references public.ml_model_types (name),
    version integer not null,
    training_job_id uuid not null references public.ml_training_jobs (id),
    status public.ml_model_status not null default 'candidate',
    artifact_hash text not null,
    final_artifact_hash text,
    final_fit jsonb,
    engine text not null,
    parameters jsonb not null,
    metrics jsonb not null,
    reference jsonb not null,
    plan jsonb not null,
    fingerprint jsonb not null,
    library_versions jsonb not null,
    random_seed integer not null,
    train_end timestamptz not null,
    window_start timestamptz not null,
    window_end timestamptz not null,
    quarantined_at timestamptz,
    quarantine_reason text,
    created_at timestamptz not null default pg_catalog.clock_timestamp(),
    constraint ml_models_version_is_unique unique (model_type, version),
    constraint ml_models_one_per_job unique (training_job_id),
    constraint ml_models_version_is_positive check (version > 0),
    constraint ml_models_hash_is_sha256 check (
        artifact_hash ~ '^[0-9a-f]{64}$' and final_artifact_hash ~ '^[0-9a-f]{64}$'
    ),
    constraint ml_models_quarantine_has_reason check (
        (quarantined_at is null) = (quarantine_reason is null)
    ),
    constraint ml_models_window_is_ordered check (
        window_start <= train_end and train_end <= window_end
    )
);
comment on table public.ml_models is
'Trained versions of a model type; the artifact is in the store under its hash.';
comment on column public.ml_models.reference is
'The yardstick of later checks: what the approved fit scored on its holdout, or an earlier champion''s score where an alarm stood (kept_since).';
comment on column public.ml_models.train_end is
'Time of the newest row that the approved fit has seen.';
comment on column public.ml_models.window_end is
'Time of the newest row of the training window: the final fit has seen it.';
comment on column public.ml_models.final_artifact_hash is
'The same settings refitted on the whole window after approval; null when its gate failed.';
create index ml_models_by_age on public.ml_models (created_at desc, id desc);
create index ml_models_by_type_age on public.ml_models (model_type, created_at desc, id desc);

create table public.ml_operations (
    id uuid primary key default pg_catalog.gen_random_uuid(),
    kind public.ml_operation_kind not null,
    environment public.ml_environment not null,
    status public.ml_job_status not null default 'queued',
    attempt integer not null default 0,
    parameters jsonb not null,
    requested_by jsonb not null,
    request_id text,
    as_of timestamptz,
    lease_token uuid,
    lease_owner text,
    lease_expires_at timestamptz,
    cancel_requested_at timestamptz,
    result jsonb,
    error jsonb,
    created_at timestamptz not null default pg_catalog.clock_timestamp(),
    queued_at timestamptz not null default pg_catalog.clock_timestamp(),
    started_at timestamptz,
    finished_at timestamptz,
    constraint ml_operations_never_skip check (status <> 'skipped'),
    constraint ml_operations_attempt_in_range check (attempt between 0 and 3),
    constraint ml_operations_running_has_lease check (
        (status = 'running') = (lease_token is not null)
        and (status = 'running') = (lease_expires_at is not null)
    ),
    constraint ml_operations_end_has_time check (
        (status in ('queued', 'running')) = (finished_at is null)
    ),
    constraint ml_operations_failure_has_error check (
        (status = 'failed') <= (error is not null)
    )
);
comment on table public.ml_operations is
'Checks, validations and deployments that were asked for.';
create index ml_operations_by_age on public.ml_operations (created_at desc, id desc);
create index ml_operations_active on public.ml_operations (status, queued_at)
where status in ('queued', 'running');

create table public.ml_model_deployments (
    id uuid primary key default pg_catalog.gen_random_uuid(),
    model_id uuid not null references public.ml_models (id),
    model_type text not null references public.ml_model_types (name),
    environment public.ml_environment not null,
    status public.ml_deployment_status not null default 'active',
    serves public.ml_served_fit not null,
    artifact_hash text not null,
    cutoff timestamptz not null,
    reference jsonb not null,
    validation_id uuid,
    rolled_back_from uuid references public.ml_model_deployments (id),
    forced boolean not null default false,
    reason text,
    deployed_by jsonb not null,
    valid_from timestamptz not null,
    valid_until timestamptz,
    created_at timestamptz not null default pg_catalog.clock_timestamp(),
    ended_at timestamptz,
    constraint ml_model_deployments_hash_is_sha256 check (artifact_hash ~ '^[0-9a-f]{64}$'),
    constraint ml_model_deployments_end_has_time check (
        (status = 'active') = (ended_at is null)
    )
);
comment on table public.ml_model_deployments is
'A model serving an environment from a time on.';
comment on column public.ml_model_deployments.serves is
'Which fit serves, and so which artifact hash.';
comment on column public.ml_model_deployments.cutoff is
'Time of the newest row that the served fit has seen: later rows are fair to judge it by.';
comment on column public.ml_model_deployments.valid_from is
'From when it predicts: the replay''s time where there is one, else the clock.';
create unique index ml_model_deployments_one_active
on public.ml_model_deployments (model_type, environment)
where status = 'active';
create index ml_model_deployments_by_model on public.ml_model_deployments (model_id);
create index ml_model_deployments_by_validation on public.ml_model_deployments (validation_id);
create index ml_model_deployments_by_origin on public.ml_model_deployments (rolled_back_from);
create index ml_model_deployments_by_age
on public.ml_model_deployments (created_at desc, id desc);
create index ml_model_deployments_by_type
on public.ml_model_deployments (model_type, environment, created_at desc);

create table public.ml_model_validations (
    id uuid primary key default pg_catalog.gen_random_uuid(),
    model_id uuid not null references public.ml_models (id),
    model_type text not null references public.ml_model_types (name),
    environment public.ml_environment not null,
    champion_deployment_id uuid references public.ml_model_deployments (id),
    training_job_id uuid references public.ml_training_jobs (id),
    operation_id uuid references public.ml_operations (id),
    verdict public.ml_validation_verdict not null,
    auto_deployable boolean not null,
    improvement double precision,
    ci_low double precision,
    ci_high double precision,
    samples integer not null,
    gates jsonb not null,
    reason text not null,
    as_of timestamptz,
    created_at timestamptz not null default pg_catalog.clock_timestamp(),
    constraint ml_model_validations_only_approved_deploy check (
        verdict = 'approved' or not auto_deployable
    ),
    constraint ml_model_validations_gates_are_a_list check (
        pg_catalog.jsonb_typeof(gates) = 'array'
    )
);
comment on table public.ml_model_validations is
'Judgements of a model against the champion of one environment, gate by gate.';
comment on column public.ml_model_validations.champion_deployment_id is
'The deployment that it was compared with; when another serves by now, the judgement is stale. Null: there was none.';
comment on column public.ml_model_validations.improvement is
'Metric of the challenger minus the champion''s on the same rows, signed so that positive is better.';
create index ml_model_validations_by_model
on public.ml_model_validations (model_id, environment, created_at desc);
create index ml_model_validations_by_champion
on public.ml_model_validations (champion_deployment_id);
create index ml_model_validations_by_job on public.ml_model_validations (training_job_id);
create index ml_model_validations_by_operation on public.ml_model_validations (operation_id);
create index ml_model_validations_by_type
on public.ml_model_validations (model_type, created_at desc, id desc);
create index ml_model_validations_by_age
on public.ml_model_validations (created_at desc, id desc);

alter table public.ml_model_deployments
add constraint ml_model_deployments_validation_id_fkey
foreign key (validation_id) references public.ml_model_validations (id);

select private.record_migration('20261124000600');
