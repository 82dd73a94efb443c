-- A model that was made elsewhere is judged by a training job that trains nothing: so it gets its
-- version, its validation and its deployment as any challenger does.
create table private.model_imports (
    job_id uuid primary key references public.ml_training_jobs (id) on delete cascade,
    artifact_hash text not null,
    trained_until timestamptz,
    constraint model_imports_hash_is_sha256 check (artifact_hash ~ '^[0-9a-f]{64}$')
);
comment on table private.model_imports is
'Training jobs that judge a model which was brought, in place of training one.';
comment on column private.model_imports.artifact_hash is
'The model in the artifact store, as it was brought.';
comment on column private.model_imports.trained_until is
'Newest row that it has learnt from, as the person said who brought it; null: it may have seen all but the holdout.';
alter table private.model_imports enable row level security;
revoke all on private.model_imports from public, anon, authenticated, service_role;
create policy "model imports are for the machinery alone" on private.model_imports
for select to authenticated using (false);

create or replace function private.serves_request(
    p_job public.ml_training_jobs, p_request jsonb
) returns boolean
language sql stable
set search_path = ''
return not exists (
    select i.job_id from private.model_imports as i
    where i.job_id = p_job.id
)
and (
    p_job.status = 'queued' or (
        p_job.cancel_requested_at is null
        and p_job.as_of is not distinct from (p_request ->> 'as_of')::timestamptz
        and p_job.force >= (p_request ->> 'force')::boolean
        and p_job.override_limits >= (p_request ->> 'override_limits')::boolean
        and p_job.auto_validate >= (p_request ->> 'auto_validate')::boolean
        and p_job.auto_deploy >= (p_request ->> 'auto_deploy')::boolean
    )
);

create function private.import_model(
    p_model_type text, p_artifact_hash text, p_trained_until timestamptz,
    p_environment public.ml_environment, p_auto_deploy boolean, p_reason text,
    p_as_of timestamptz, p_request_id text, p_actor jsonb
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    v_actor constant jsonb := private.require_role('admin', p_actor);
    v_type public.ml_model_types;
    v_job public.ml_training_jobs;
begin
    perform private.check_text('reason', p_reason, 1000, false);
    if p_artifact_hash !~ '^[0-9a-f]{64}$' or p_artifact_hash is null then
        perform private.raise_error(
            422, 'invalid_request', 'artifact_hash must be a SHA-256 in lower-case hexadecimal digits.'
        );
    end if;
    select * into v_type
    from private.resolve_model_types(array[p_model_type], p_as_of, p_actor);
    perform private.act_as(v_actor);
    insert into public.ml_training_jobs (
        model_type, environment, trigger, reason, requested_by, request_id, force,
        override_limits, auto_validate, auto_deploy, as_of
    ) values (
        v_type.name, p_environment, 'import', p_reason, v_actor, p_request_id, true, true, true,
        p_auto_deploy, p_as_of
    )
    on conflict (model_type, environment) where status in ('queued', 'running') do nothing
    returning * into v_job;
    if not found then
        perform private.raise_error(
            409, 'conflict',
            pg_catalog.format('A training job of %s is active.', v_type.name),
            'Wait for its end, or cancel it.'
        );
    end if;
    insert into private.model_imports (job_id, artifact_hash, trained_until)
    values (v_job.id, p_artifact_hash, p_trained_until);
    return pg_catalog.jsonb_build_object(
        'job', pg_catalog.jsonb_build_object(
            'id', v_job.id, 'model_type', v_job.model_type, 'status', v_job.status,
            'coalesced', false
        )
    );
end
$$;
comment on function private.import_model(
    text, text, timestamptz, public.ml_environment, boolean, text, timestamptz, text, jsonb
) is
'See public.import_model.';

create function public.import_model(
    p_model_type text, p_artifact_hash text, p_trained_until timestamptz default null,
    p_environment public.ml_environment default 'production', p_auto_deploy boolean default true,
    p_reason text default null, p_as_of timestamptz default null,
    p_request_id text default null, p_actor jsonb default null
) returns jsonb
language sql
set search_path = ''
return private.import_model(
    p_model_type, p_artifact_hash, p_trained_until, p_environment, p_auto_deploy, p_reason,
    p_as_of, p_request_id, p_actor
);
comment on function public.import_model(
    text, text, timestamptz, public.ml_environment, boolean, text, timestamptz, text, jsonb
) is
'request, admin: queues a job that judges a model of the artifact store, made elsewhere, as a challenger; without a champion the rule of the first model decides. Refused while another job of the model type is active.';

create or replace function private.claim_training_job(
    p_id uuid, p_worker text, p_lease_seconds integer
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    v_job public.ml_training_jobs;
    v_evaluated_at timestamptz;
begin
    perform private.act_as_worker(p_worker);
    -- By its id alone: with the status, too, it might be looked for among all that is queued.
    select * into v_job from public.ml_training_jobs where id = p_id for no key update;
    if v_job.status is distinct from 'queued' then
        return null;
    end if;
    update public.ml_training_jobs set
        status = 'running', stage = 'check', progress = 0, attempt = attempt + 1,
        lease_token = pg_catalog.gen_random_uuid(), lease_owner = p_worker,
        lease_expires_at = pg_catalog.clock_timestamp() + p_lease_seconds * interval '1 second',
        started_at = coalesce(started_at, pg_catalog.clock_timestamp())
    where id = p_id
    returning * into v_job;
    v_evaluated_at := coalesce(v_job.as_of, pg_catalog.clock_timestamp());
    return pg_catalog.jsonb_build_object(
        'job', private.training_job_json(v_job),
        'lease_token', v_job.lease_token,
        'evaluated_at', v_evaluated_at,
        'model_type', (
            select private.model_type_json(t)
            from public.ml_model_types as t where t.name = v_job.model_type
        ),
        'champion', private.watched_champion_json(v_job.model_type, v_job.environment),
        'last_attempt', (
            select m.window_end
            from public.ml_models as m
            inner join public.ml_training_jobs as j on m.training_job_id = j.id
            where m.model_type = v_job.model_type and j.environment = v_job.environment
                and m.window_end <= v_evaluated_at
            order by m.window_end desc
            limit 1
        ),
        'imported', (
            select
                pg_catalog.jsonb_build_object(
                    'artifact_hash', i.artifact_hash, 'trained_until', i.trained_until
                )
            from private.model_imports as i
            where i.job_id = v_job.id
        )
    );
end
$$;

select private.set_function_class(f, 'request')
from unnest(array[
    'private.import_model(text, text, timestamptz, public.ml_environment, boolean, text, timestamptz, text, jsonb)',
    'public.import_model(text, text, timestamptz, public.ml_environment, boolean, text, timestamptz, text, jsonb)'
]::regprocedure[]) as f;

select private.record_migration('20261124160600');
