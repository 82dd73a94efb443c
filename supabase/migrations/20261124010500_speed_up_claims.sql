-- What a job costs must not grow with what was done before, nor with what does not change.

-- A heartbeat writes none of the audited columns: it need not ask whether they changed.
create or replace trigger audit after insert or update of
status, attempt, trigger, reason, force, override_limits, auto_validate, auto_deploy, as_of,
follow_up, cancel_requested_at, skip_reason, result, error
on public.ml_training_jobs
for each row execute function private.audit_change(
    'training_job', 'status', 'attempt', 'trigger', 'reason', 'force', 'override_limits',
    'auto_validate', 'auto_deploy', 'as_of', 'follow_up', 'cancel_requested_at', 'skip_reason',
    'result', 'error'
);
create or replace trigger audit after insert or update of
kind, status, attempt, parameters, as_of, cancel_requested_at, error
on public.ml_operations
for each row execute function private.audit_change(
    'operation', 'kind', 'status', 'attempt', 'parameters', 'as_of', 'cancel_requested_at', 'error'
);

-- The newest training window of a model type, without a look at the older ones.
create index ml_models_by_type_window on public.ml_models (model_type, window_end desc);

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
        'champion', private.champion_json(v_job.model_type, v_job.environment),
        'last_attempt', (
            select m.window_end
            from public.ml_models as m
            inner join public.ml_training_jobs as j on m.training_job_id = j.id
            where m.model_type = v_job.model_type and j.environment = v_job.environment
                and m.window_end <= v_evaluated_at
            order by m.window_end desc
            limit 1
        )
    );
end
$$;

create or replace function private.claim_operation(
    p_id uuid, p_worker text, p_lease_seconds integer
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    v_operation public.ml_operations;
begin
    perform private.act_as_worker(p_worker);
    select * into v_operation from public.ml_operations where id = p_id for no key update;
    if v_operation.status is distinct from 'queued' then
        return null;
    end if;
    update public.ml_operations set
        status = 'running', attempt = attempt + 1,
        lease_token = pg_catalog.gen_random_uuid(), lease_owner = p_worker,
        lease_expires_at = pg_catalog.clock_timestamp() + p_lease_seconds * interval '1 second',
        started_at = coalesce(started_at, pg_catalog.clock_timestamp())
    where id = p_id
    returning * into v_operation;
    return pg_catalog.jsonb_build_object(
        'operation', private.operation_json(v_operation),
        'lease_token', v_operation.lease_token,
        'evaluated_at', coalesce(v_operation.as_of, pg_catalog.clock_timestamp()),
        'targets', private.operation_targets(v_operation)
    );
end
$$;

select private.record_migration('20261124010500');
