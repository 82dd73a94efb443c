-- How workers take, hold and hand back training jobs. A lease is proof: its token must match.
create function private.claim_training_job(
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
    update public.ml_training_jobs set
        status = 'running', stage = 'check', progress = 0, attempt = attempt + 1,
        lease_token = pg_catalog.gen_random_uuid(), lease_owner = p_worker,
        lease_expires_at = pg_catalog.clock_timestamp() + p_lease_seconds * interval '1 second',
        started_at = coalesce(started_at, pg_catalog.clock_timestamp())
    where id = p_id and status = 'queued'
    returning * into v_job;
    if not found then
        return null;
    end if;
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
            select pg_catalog.max(m.window_end)
            from public.ml_models as m
            inner join public.ml_training_jobs as j on m.training_job_id = j.id
            where m.model_type = v_job.model_type and j.environment = v_job.environment
                and m.window_end <= v_evaluated_at
        )
    );
end
$$;
comment on function private.claim_training_job(uuid, text, integer) is
'See public.claim_training_job.';

create function public.claim_training_job(
    p_id uuid, p_worker text, p_lease_seconds integer default 30
) returns jsonb
language sql
set search_path = ''
return private.claim_training_job(p_id, p_worker, p_lease_seconds);
comment on function public.claim_training_job(uuid, text, integer) is
'machinery: takes a queued job under a lease, with its model type and champion; null when it is not queued (any more).';

create function private.hold_training_job(p_id uuid, p_lease_token uuid)
returns public.ml_training_jobs
language plpgsql
set search_path = ''
as $$
declare
    v_job public.ml_training_jobs;
begin
    select * into v_job from public.ml_training_jobs where id = p_id for update;
    if not found then
        perform private.raise_error(404, 'not_found', pg_catalog.format('There is no job %s.', p_id));
    end if;
    if v_job.status <> 'running' or v_job.lease_token is distinct from p_lease_token then
        perform private.raise_error(
            409, 'lease_lost', pg_catalog.format('This worker does not hold the job %s any more.', p_id)
        );
    end if;
    perform private.act_as_worker(v_job.lease_owner);
    return v_job;
end
$$;
comment on function private.hold_training_job(uuid, uuid) is
'The job, locked, when the token is its lease''s; else lease_lost.';

create function private.heartbeat_training_job(
    p_id uuid, p_lease_token uuid, p_lease_seconds integer, p_stage text, p_progress double precision,
    p_lines jsonb
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    v_job public.ml_training_jobs := private.hold_training_job(p_id, p_lease_token);
begin
    update public.ml_training_jobs set
        lease_expires_at = pg_catalog.clock_timestamp() + p_lease_seconds * interval '1 second',
        stage = coalesce(p_stage, stage), progress = coalesce(p_progress, progress)
    where id = p_id
    returning * into v_job;
    insert into private.job_log_lines (job_id, level, message)
    select p_id, coalesce(l.line ->> 'level', 'info'), pg_catalog.left(l.line ->> 'message', 4000)
    from pg_catalog.jsonb_array_elements(coalesce(p_lines, '[]')) as l (line);
    return pg_catalog.jsonb_build_object(
        'cancel_requested', v_job.cancel_requested_at is not null
    );
end
$$;
comment on function private.heartbeat_training_job(
    uuid, uuid, integer, text, double precision, jsonb
) is
'See public.heartbeat_training_job.';

create function public.heartbeat_training_job(
    p_id uuid, p_lease_token uuid, p_lease_seconds integer default 30,
    p_stage text default null, p_progress double precision default null,
    p_lines jsonb default null
) returns jsonb
language sql
set search_path = ''
return private.heartbeat_training_job(
    p_id, p_lease_token, p_lease_seconds, p_stage, p_progress, p_lines
);
comment on function public.heartbeat_training_job(
    uuid, uuid, integer, text, double precision, jsonb
) is
'machinery: extends the lease, shows stage and progress, keeps log lines, brings back whether to stop.';

create function private.release_training_job(p_id uuid, p_lease_token uuid) returns void
language plpgsql security definer
set search_path = ''
as $$
declare
    v_job public.ml_training_jobs := private.hold_training_job(p_id, p_lease_token);
    v_next constant public.ml_job_status := case
        when v_job.cancel_requested_at is null then 'queued' else 'cancelled'
    end;
begin
    -- The attempt does not count: the worker is leaving in good order.
    update public.ml_training_jobs set
        status = v_next, stage = v_next::text, progress = 0, attempt = attempt - 1,
        lease_token = null, lease_owner = null, lease_expires_at = null,
        queued_at = pg_catalog.clock_timestamp(),
        finished_at = case when v_next = 'cancelled' then pg_catalog.clock_timestamp() end
    where id = p_id
    returning * into v_job;
    if v_next = 'cancelled' then
        perform private.close_training_job(v_job);
    end if;
end
$$;
comment on function private.release_training_job(uuid, uuid) is
'See public.release_training_job.';

create function public.release_training_job(p_id uuid, p_lease_token uuid) returns void
language sql
set search_path = ''
return private.release_training_job(p_id, p_lease_token);
comment on function public.release_training_job(uuid, uuid) is
'machinery: hands a job back at once, when its worker is asked to leave.';

select private.set_function_class(f, 'internal')
from unnest(array[
    'private.hold_training_job(uuid, uuid)'
]::regprocedure[]) as f;

select private.set_function_class(f, 'machinery')
from unnest(array[
    'private.claim_training_job(uuid, text, integer)',
    'public.claim_training_job(uuid, text, integer)',
    'private.heartbeat_training_job(uuid, uuid, integer, text, double precision, jsonb)',
    'public.heartbeat_training_job(uuid, uuid, integer, text, double precision, jsonb)',
    'private.release_training_job(uuid, uuid)', 'public.release_training_job(uuid, uuid)'
]::regprocedure[]) as f;

select private.record_migration('20261124001800');
