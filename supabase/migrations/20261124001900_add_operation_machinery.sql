-- The same for operations: checks, validations and deployments that were asked for.
create function private.operation_targets(p_operation public.ml_operations) returns jsonb
language sql stable
set search_path = ''
as $$
    select coalesce(pg_catalog.jsonb_agg(x.target order by x.position), '[]')
    from (
        select
            n.position,
            pg_catalog.jsonb_build_object(
                'model_type', private.model_type_json(t), 'model', null,
                'champion', private.champion_json(t.name, p_operation.environment)
            ) as target
        from pg_catalog.jsonb_array_elements_text(p_operation.parameters -> 'model_types')
            with ordinality as n (name, position)
        inner join public.ml_model_types as t on n.name = t.name
        union all
        select
            i.position,
            pg_catalog.jsonb_build_object(
                'model_type', private.model_type_json(t), 'model', pg_catalog.to_jsonb(m),
                'champion', private.champion_json(t.name, p_operation.environment)
            )
        from pg_catalog.jsonb_array_elements_text(p_operation.parameters -> 'model_ids')
            with ordinality as i (id, position)
        inner join public.ml_models as m on m.id = i.id::uuid
        inner join public.ml_model_types as t on m.model_type = t.name
    ) as x
$$;
comment on function private.operation_targets(public.ml_operations) is
'What an operation works on: per model type or model, with the champion of its environment.';

create function private.claim_operation(
    p_id uuid, p_worker text, p_lease_seconds integer
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    v_operation public.ml_operations;
begin
    perform private.act_as_worker(p_worker);
    update public.ml_operations set
        status = 'running', attempt = attempt + 1,
        lease_token = pg_catalog.gen_random_uuid(), lease_owner = p_worker,
        lease_expires_at = pg_catalog.clock_timestamp() + p_lease_seconds * interval '1 second',
        started_at = coalesce(started_at, pg_catalog.clock_timestamp())
    where id = p_id and status = 'queued'
    returning * into v_operation;
    if not found then
        return null;
    end if;
    return pg_catalog.jsonb_build_object(
        'operation', private.operation_json(v_operation),
        'lease_token', v_operation.lease_token,
        'evaluated_at', coalesce(v_operation.as_of, pg_catalog.clock_timestamp()),
        'targets', private.operation_targets(v_operation)
    );
end
$$;
comment on function private.claim_operation(uuid, text, integer) is 'See public.claim_operation.';

create function public.claim_operation(
    p_id uuid, p_worker text, p_lease_seconds integer default 30
) returns jsonb
language sql
set search_path = ''
return private.claim_operation(p_id, p_worker, p_lease_seconds);
comment on function public.claim_operation(uuid, text, integer) is
'machinery: takes a queued operation under a lease, with what it works on; null when it is not queued (any more).';

create function private.hold_operation(p_id uuid, p_lease_token uuid) returns public.ml_operations
language plpgsql
set search_path = ''
as $$
declare
    v_operation public.ml_operations;
begin
    select * into v_operation from public.ml_operations where id = p_id for update;
    if not found then
        perform private.raise_error(404, 'not_found', pg_catalog.format('There is no operation %s.', p_id));
    end if;
    if v_operation.status <> 'running' or v_operation.lease_token is distinct from p_lease_token
    then
        perform private.raise_error(
            409, 'lease_lost',
            pg_catalog.format('This worker does not hold the operation %s any more.', p_id)
        );
    end if;
    perform private.act_as_worker(v_operation.lease_owner);
    return v_operation;
end
$$;
comment on function private.hold_operation(uuid, uuid) is
'The operation, locked, when the token is its lease''s; else lease_lost.';

create function private.heartbeat_operation(
    p_id uuid, p_lease_token uuid, p_lease_seconds integer
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    v_operation public.ml_operations := private.hold_operation(p_id, p_lease_token);
begin
    update public.ml_operations set
        lease_expires_at = pg_catalog.clock_timestamp() + p_lease_seconds * interval '1 second'
    where id = p_id;
    return pg_catalog.jsonb_build_object(
        'cancel_requested', v_operation.cancel_requested_at is not null
    );
end
$$;
comment on function private.heartbeat_operation(uuid, uuid, integer) is
'See public.heartbeat_operation.';

create function public.heartbeat_operation(
    p_id uuid, p_lease_token uuid, p_lease_seconds integer default 30
) returns jsonb
language sql
set search_path = ''
return private.heartbeat_operation(p_id, p_lease_token, p_lease_seconds);
comment on function public.heartbeat_operation(uuid, uuid, integer) is
'machinery: extends the lease, brings back whether to stop.';

create function private.release_operation(p_id uuid, p_lease_token uuid) returns void
language plpgsql security definer
set search_path = ''
as $$
declare
    v_operation constant public.ml_operations := private.hold_operation(p_id, p_lease_token);
    v_next constant public.ml_job_status := case
        when v_operation.cancel_requested_at is null then 'queued' else 'cancelled'
    end;
begin
    update public.ml_operations set
        status = v_next, attempt = attempt - 1, lease_token = null, lease_owner = null,
        lease_expires_at = null, queued_at = pg_catalog.clock_timestamp(),
        finished_at = case when v_next = 'cancelled' then pg_catalog.clock_timestamp() end
    where id = p_id;
end
$$;
comment on function private.release_operation(uuid, uuid) is 'See public.release_operation.';

create function public.release_operation(p_id uuid, p_lease_token uuid) returns void
language sql
set search_path = ''
return private.release_operation(p_id, p_lease_token);
comment on function public.release_operation(uuid, uuid) is
'machinery: hands an operation back at once, when its worker is asked to leave.';

create function private.apply_target(
    p_operation public.ml_operations, p_item jsonb
) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
    v_model public.ml_models;
    v_validation public.ml_model_validations;
begin
    if p_operation.kind = 'check' then
        perform from public.ml_model_types
        where name = p_item ->> 'model_type' for no key update;
        perform private.insert_check(
            p_item, p_operation.environment, null, p_operation.id, p_operation.as_of
        );
        if pg_catalog.jsonb_typeof(p_item -> 'quality') = 'object' then
            perform private.insert_quality(
                p_item ->> 'model_type', null, p_item -> 'quality', p_operation.as_of
            );
        end if;
        return p_item;
    end if;
    select * into v_model from public.ml_models where id = (p_item ->> 'model_id')::uuid;
    perform from public.ml_model_types where name = v_model.model_type for no key update;
    if p_operation.kind = 'validation' then
        v_validation := private.insert_validation(
            v_model, p_operation.environment, p_item, null, p_operation.id, p_operation.as_of
        );
        return p_item || pg_catalog.jsonb_build_object('validation_id', v_validation.id);
    end if;
    if p_item ->> 'artifact_hash' is null then
        perform private.raise_error(
            422, 'invalid_request', 'A deployment needs artifact_hash: what its worker has checked.'
        );
    end if;
    return private.deploy_model(
        v_model.id, p_operation.environment, p_item ->> 'artifact_hash',
        coalesce((p_operation.parameters ->> 'force')::boolean, false),
        p_operation.parameters ->> 'reason', p_operation.as_of, p_operation.requested_by
    );
end
$$;
comment on function private.apply_target(public.ml_operations, jsonb) is
'Writes what a worker found out for one target; for a deployment this is the swap.';

create function private.finish_operation(
    p_id uuid, p_lease_token uuid, p_outcome jsonb
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    v_operation public.ml_operations := private.hold_operation(p_id, p_lease_token);
    v_status public.ml_job_status := p_outcome ->> 'status';
    v_retry constant boolean := v_status = 'failed'
        and coalesce((p_outcome ->> 'retry')::boolean, false)
        and v_operation.attempt < 3 and v_operation.cancel_requested_at is null;
    v_item jsonb;
    v_results jsonb := '[]';
    v_errors jsonb := coalesce(p_outcome -> 'errors', '[]');
    v_error jsonb := nullif(p_outcome -> 'error', 'null');
    v_message text;
    v_name text;
begin
    if v_status in ('queued', 'running', 'skipped') then
        perform private.raise_error(409, 'illegal_transition', pg_catalog.format('An operation cannot finish as %s.', v_status));
    end if;
    if v_retry then
        update public.ml_operations set
            status = 'queued', lease_token = null, lease_owner = null, lease_expires_at = null,
            queued_at = pg_catalog.clock_timestamp(), error = v_error
        where id = p_id
        returning * into v_operation;
        return private.operation_json(v_operation);
    end if;
    -- Sorted by model type, the order in which every writer takes their locks.
    for v_item in
        select i.item
        from pg_catalog.jsonb_array_elements(coalesce(p_outcome -> 'results', '[]'))
            with ordinality as i (item, position)
        left join public.ml_models as m on m.id = (i.item ->> 'model_id')::uuid
        order by coalesce(m.model_type, i.item ->> 'model_type'), i.position
    loop
        -- One target that is refused does not undo the others.
        begin
            v_results := v_results || private.apply_target(v_operation, v_item);
        exception
            when sqlstate 'PT409' then
                get stacked diagnostics v_message = message_text, v_name = pg_exception_detail;
                v_errors := v_errors || pg_catalog.jsonb_build_object(
                    'model_type', v_item -> 'model_type', 'model_id', v_item -> 'model_id',
                    'type', v_name, 'status', 409, 'detail', v_message
                );
        end;
    end loop;
    if v_status = 'succeeded' and pg_catalog.jsonb_array_length(v_results) = 0
        and pg_catalog.jsonb_array_length(v_errors) > 0
    then
        v_status := 'failed';
        v_error := v_errors -> 0;
    end if;
    update public.ml_operations set
        status = v_status, lease_token = null, lease_expires_at = null,
        finished_at = pg_catalog.clock_timestamp(), error = v_error,
        result = pg_catalog.jsonb_build_object('errors', v_errors) || case kind
            when 'deployment' then pg_catalog.jsonb_build_object('deployments', v_results)
            when 'validation' then pg_catalog.jsonb_build_object('results', v_results)
            else pg_catalog.jsonb_build_object(
                'results', v_results,
                'needs_retraining', exists (
                    select from pg_catalog.jsonb_array_elements(v_results) as r (item)
                    where (r.item ->> 'needs_retraining')::boolean
                )
            )
        end
    where id = p_id
    returning * into v_operation;
    return private.operation_json(v_operation);
end
$$;
comment on function private.finish_operation(uuid, uuid, jsonb) is 'See public.finish_operation.';

create function public.finish_operation(
    p_id uuid, p_lease_token uuid, p_outcome jsonb
) returns jsonb
language sql
set search_path = ''
return private.finish_operation(p_id, p_lease_token, p_outcome);
comment on function public.finish_operation(uuid, uuid, jsonb) is
'machinery: ends an operation and writes what came of it; a deployment swaps the champion here.';

create function private.report_artifact_mismatch(
    p_deployment_id uuid, p_worker text, p_message text
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    v_actor constant jsonb := private.act_as_worker(p_worker);
    v_deployment public.ml_model_deployments;
    v_type public.ml_model_types;
    v_job public.ml_training_jobs;
    v_answer jsonb := '{"jobs": []}';
begin
    select * into v_deployment from public.ml_model_deployments where id = p_deployment_id;
    if not found then
        perform private.raise_error(404, 'not_found', pg_catalog.format('There is no deployment %s.', p_deployment_id));
    end if;
    if v_deployment.status <> 'active' then
        return v_answer;
    end if;
    v_type := private.get_model_type(v_deployment.model_type);
    select * into v_job from public.ml_training_jobs
    where model_type = v_type.name and environment = v_deployment.environment
        and status = 'running' and cancel_requested_at is null;
    if found then
        -- It loads the champion itself, sees the same, and trains.
        v_answer := pg_catalog.jsonb_build_object('jobs', pg_catalog.jsonb_build_array(
            pg_catalog.jsonb_build_object(
                'id', v_job.id, 'model_type', v_job.model_type, 'status', v_job.status,
                'coalesced', true
            )
        ));
    elsif v_type.enabled and not exists (
        -- One attempt per deployment: what it could not mend, the next check's would not either.
        select from public.ml_training_jobs as j
        where j.model_type = v_type.name and j.environment = v_deployment.environment
            and j.trigger = 'artifact' and j.status in ('succeeded', 'failed')
            and j.created_at > v_deployment.created_at
    ) then
        begin
            v_answer := private.trigger_retraining(
                array[v_type.name], true, false, v_deployment.environment, true, true,
                pg_catalog.left(p_message, 1000), null,
                case when v_type.replay then v_deployment.valid_from end, 'artifact', null, v_actor
            );
        exception
            when sqlstate 'PT409' then
                null; -- one waits that judges by another time: it sees the same
        end;
    end if;
    -- After the job, as where a job ends: the other order could lock the two out.
    perform private.raise_alert(
        v_deployment.model_type, v_deployment.environment, 'artifact_mismatch', 'critical',
        p_message, pg_catalog.jsonb_build_object('deployment_id', p_deployment_id)
    );
    return v_answer;
end
$$;
comment on function private.report_artifact_mismatch(uuid, text, text) is
'See public.report_artifact_mismatch.';

create function public.report_artifact_mismatch(
    p_deployment_id uuid, p_worker text, p_message text
) returns jsonb
language sql
set search_path = ''
return private.report_artifact_mismatch(p_deployment_id, p_worker, p_message);
comment on function public.report_artifact_mismatch(uuid, text, text) is
'machinery: a champion no longer reproduces its recorded predictions: opens an alert and queues a retraining.';

select private.set_function_class(f, 'internal')
from unnest(array[
    'private.operation_targets(public.ml_operations)', 'private.hold_operation(uuid, uuid)',
    'private.apply_target(public.ml_operations, jsonb)'
]::regprocedure[]) as f;

select private.set_function_class(f, 'machinery')
from unnest(array[
    'private.claim_operation(uuid, text, integer)',
    'public.claim_operation(uuid, text, integer)',
    'private.heartbeat_operation(uuid, uuid, integer)',
    'public.heartbeat_operation(uuid, uuid, integer)', 'private.release_operation(uuid, uuid)',
    'public.release_operation(uuid, uuid)', 'private.finish_operation(uuid, uuid, jsonb)',
    'public.finish_operation(uuid, uuid, jsonb)',
    'private.report_artifact_mismatch(uuid, text, text)',
    'public.report_artifact_mismatch(uuid, text, text)'
]::regprocedure[]) as f;

select private.record_migration('20261124001900');
