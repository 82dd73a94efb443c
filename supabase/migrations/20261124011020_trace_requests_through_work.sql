-- What a worker writes is on record under the id of the request that it works for.
create function private.serve_request(p_request_id text) returns void
language plpgsql
set search_path = ''
as $$
begin
    -- Without an id, too: that of the work before, in the same transaction, must not linger.
    perform pg_catalog.set_config('refit.request_id', coalesce(p_request_id, ''), true);
end
$$;
comment on function private.serve_request(text) is
'Remembers the id of the request that is served, or that there is none, until the transaction ends: the audit log takes it.';

create or replace function private.hold_training_job(p_id uuid, p_lease_token uuid)
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
    perform private.serve_request(v_job.request_id);
    return v_job;
end
$$;

create or replace function private.hold_operation(p_id uuid, p_lease_token uuid)
returns public.ml_operations
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
    perform private.serve_request(v_operation.request_id);
    return v_operation;
end
$$;

create or replace function private.close_training_job(p_job public.ml_training_jobs) returns uuid
language plpgsql
set search_path = ''
as $$
declare
    v_served constant text := pg_catalog.current_setting('refit.request_id', true);
    v_callback record;
    v_next public.ml_training_jobs;
begin
    -- A callback, and the job that follows, belong to the requests that asked for them.
    for v_callback in
        select c.url, coalesce(c.request_id, p_job.request_id) as request_id
        from private.training_job_callbacks as c
        where c.job_id = p_job.id and not c.for_follow_up
    loop
        perform private.serve_request(coalesce(v_callback.request_id, v_served));
        insert into public.ml_webhook_deliveries (training_job_id, url, event, payload)
        values (
            p_job.id, v_callback.url,
            case p_job.status
                when 'succeeded' then 'training.completed' else 'training.' || p_job.status
            end,
            pg_catalog.jsonb_build_object(
                'job_id', p_job.id, 'model_type', p_job.model_type,
                'environment', p_job.environment, 'status', p_job.status,
                'request_id', v_callback.request_id,
                'trigger', p_job.trigger, 'reason', p_job.reason, 'as_of', p_job.as_of,
                'created_at', p_job.created_at, 'finished_at', p_job.finished_at,
                'result', p_job.result, 'skip_reason', p_job.skip_reason, 'error', p_job.error
            )
        );
    end loop;
    perform private.serve_request(v_served);
    if p_job.follow_up is null then
        return null;
    end if;
    v_next := pg_catalog.jsonb_populate_record(null::public.ml_training_jobs, p_job.follow_up);
    perform private.serve_request(v_next.request_id);
    insert into public.ml_training_jobs (
        id, model_type, environment, trigger, reason, requested_by, request_id, force,
        override_limits, auto_validate, auto_deploy, as_of
    ) values (
        v_next.id, p_job.model_type, p_job.environment, v_next.trigger, v_next.reason,
        v_next.requested_by, v_next.request_id, v_next.force, v_next.override_limits,
        v_next.auto_validate, v_next.auto_deploy, v_next.as_of
    );
    perform private.serve_request(v_served);
    update private.training_job_callbacks set job_id = v_next.id, for_follow_up = false
    where job_id = p_job.id and for_follow_up;
    return v_next.id;
end
$$;

create or replace function private.take_back_training_job(p_job public.ml_training_jobs) returns void
language plpgsql
set search_path = ''
as $$
declare
    v_job public.ml_training_jobs;
    v_next constant public.ml_job_status := case
        when p_job.cancel_requested_at is not null then 'cancelled'
        when p_job.attempt >= 3 then 'failed'
        else 'queued'
    end;
begin
    perform private.serve_request(p_job.request_id);
    update public.ml_training_jobs set
        status = v_next, stage = v_next::text, lease_token = null, lease_expires_at = null,
        queued_at = pg_catalog.clock_timestamp(),
        finished_at = case when v_next <> 'queued' then pg_catalog.clock_timestamp() end,
        error = case when v_next = 'failed' then pg_catalog.jsonb_build_object(
            'type', 'worker_lost', 'status', 500, 'detail', 'Three workers were lost on it.'
        ) end
    where id = p_job.id
    returning * into v_job;
    if v_next <> 'queued' then
        perform private.close_training_job(v_job);
    end if;
    if v_next = 'failed' then
        perform private.raise_alert(
            v_job.model_type, v_job.environment, 'training_failure', 'critical',
            'Three workers were lost on a training.',
            pg_catalog.jsonb_build_object('job_id', v_job.id)
        );
    end if;
end
$$;

create or replace function private.take_back_operation(p_operation public.ml_operations) returns void
language plpgsql
set search_path = ''
as $$
declare
    v_next constant public.ml_job_status := case
        when p_operation.cancel_requested_at is not null then 'cancelled'
        when p_operation.attempt >= 3 then 'failed'
        else 'queued'
    end;
begin
    perform private.serve_request(p_operation.request_id);
    update public.ml_operations set
        status = v_next, lease_token = null, lease_expires_at = null,
        queued_at = pg_catalog.clock_timestamp(),
        finished_at = case when v_next <> 'queued' then pg_catalog.clock_timestamp() end,
        error = case when v_next = 'failed' then pg_catalog.jsonb_build_object(
            'type', 'worker_lost', 'status', 500, 'detail', 'Three workers were lost on it.'
        ) end
    where id = p_operation.id;
end
$$;

create or replace function private.finish_webhook_delivery(
    p_id uuid, p_lease_token uuid, p_outcome text, p_error text,
    p_retry_seconds double precision
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    v_now constant timestamptz := pg_catalog.clock_timestamp();
    v_next constant timestamptz := v_now + coalesce(p_retry_seconds, 0) * interval '1 second';
    v_row public.ml_webhook_deliveries;
    v_again boolean;
    v_given_up boolean;
begin
    if p_outcome is null or p_outcome not in ('delivered', 'retry', 'failed', 'not_sent') then
        perform private.raise_error(
            422, 'invalid_request', 'outcome must be delivered, retry, failed or not_sent.'
        );
    end if;
    select * into v_row from public.ml_webhook_deliveries
    where id = p_id and status = 'pending' and lease_token = p_lease_token
    for update;
    if not found then
        perform private.raise_error(
            409, 'lease_lost', pg_catalog.format('The delivery %s is not yours any more.', p_id)
        );
    end if;
    perform private.act_as_worker(v_row.lease_owner);
    perform private.serve_request(v_row.payload ->> 'request_id');
    v_again := p_outcome in ('retry', 'not_sent');
    v_given_up := v_again and v_next > v_row.give_up_at;
    update public.ml_webhook_deliveries set
        status = case
            when p_outcome = 'delivered' then 'delivered'
            when p_outcome = 'failed' or v_given_up then 'failed'
            else 'pending'
        end::public.ml_delivery_status,
        attempts = v_row.attempts - (p_outcome = 'not_sent')::integer,
        next_attempt_at = case when v_again and not v_given_up then v_next else v_now end,
        delivered_at = case when p_outcome = 'delivered' then v_now end,
        last_error = pg_catalog.left(p_error, 1000) || case
            when v_given_up then pg_catalog.format(
                ' Given up after %s attempts.', v_row.attempts - (p_outcome = 'not_sent')::integer
            )
            else ''
        end,
        lease_token = null, lease_owner = null
    where id = p_id
    returning * into v_row;
    return pg_catalog.jsonb_build_object(
        'id', v_row.id, 'status', v_row.status, 'attempts', v_row.attempts,
        'next_attempt_at', v_row.next_attempt_at
    );
end
$$;

select private.set_function_class('private.serve_request(text)', 'internal');

select private.record_migration('20261124011020');
