-- Taking a request back: a training job or an operation, by its id.
create function private.cancel_operation(p_id uuid) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
    v_operation public.ml_operations;
begin
    select * into v_operation from public.ml_operations where id = p_id for update;
    if not found then
        perform private.raise_error(
            404, 'not_found', pg_catalog.format('There is no job and no operation %s.', p_id)
        );
    end if;
    case v_operation.status
        when 'queued' then
            update public.ml_operations set
                status = 'cancelled', cancel_requested_at = pg_catalog.clock_timestamp(),
                finished_at = pg_catalog.clock_timestamp()
            where id = p_id
            returning * into v_operation;
        when 'running' then
            update public.ml_operations set
                cancel_requested_at = coalesce(cancel_requested_at, pg_catalog.clock_timestamp())
            where id = p_id
            returning * into v_operation;
        when 'cancelled' then
            null;
        else
            perform private.raise_error(
                409, 'illegal_transition',
                pg_catalog.format('The operation %s has ended: %s.', p_id, v_operation.status)
            );
    end case;
    return private.operation_json(v_operation);
end
$$;
comment on function private.cancel_operation(uuid) is
'Ends a queued operation, or asks the worker of a running one to stop.';

create function private.cancel_job(p_id uuid, p_actor jsonb) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    v_job public.ml_training_jobs;
begin
    perform private.require_role('operator', p_actor);
    select * into v_job from public.ml_training_jobs where id = p_id for update;
    if not found then
        return pg_catalog.jsonb_build_object('operation', private.cancel_operation(p_id));
    end if;
    case v_job.status
        when 'queued' then
            update public.ml_training_jobs set
                status = 'cancelled', stage = 'cancelled',
                cancel_requested_at = pg_catalog.clock_timestamp(),
                finished_at = pg_catalog.clock_timestamp()
            where id = p_id
            returning * into v_job;
            perform private.close_training_job(v_job);
        when 'running' then
            update public.ml_training_jobs set
                cancel_requested_at = coalesce(cancel_requested_at, pg_catalog.clock_timestamp())
            where id = p_id
            returning * into v_job;
        when 'cancelled' then
            null;
        else
            perform private.raise_error(
                409, 'illegal_transition',
                pg_catalog.format('The job %s has ended: %s.', p_id, v_job.status)
            );
    end case;
    return pg_catalog.jsonb_build_object('job', private.training_job_json(v_job));
end
$$;
comment on function private.cancel_job(uuid, jsonb) is 'See public.cancel_job.';

create function public.cancel_job(p_id uuid, p_actor jsonb default null) returns jsonb
language sql
set search_path = ''
return private.cancel_job(p_id, p_actor);
comment on function public.cancel_job(uuid, jsonb) is
'request, operator: cancels a queued job or operation at once, and asks the worker of a running one to stop; what follows a job is not cancelled with it.';

select private.set_function_class(f, 'internal')
from unnest(array[
    'private.cancel_operation(uuid)'
]::regprocedure[]) as f;

select private.set_function_class(f, 'request')
from unnest(array[
    'private.cancel_job(uuid, jsonb)', 'public.cancel_job(uuid, jsonb)'
]::regprocedure[]) as f;

select private.record_migration('20261124001640');
