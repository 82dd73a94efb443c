-- What becomes of work whose worker is lost, and what is done now and then.
create function private.sweep_lost_work(p_worker text, p_kind text) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    v_now constant timestamptz := pg_catalog.clock_timestamp();
    v_rings jsonb;
    v_job public.ml_training_jobs;
    v_operation public.ml_operations;
begin
    perform private.act_as_worker(p_worker);
    insert into private.workers (id, kind) values (p_worker, p_kind)
    on conflict (id) do update set last_seen_at = pg_catalog.clock_timestamp();
    -- One sweeper at a time; the others have nothing to do.
    if not pg_catalog.pg_try_advisory_xact_lock(pg_catalog.hashtextextended('refit.sweep', 0)) then
        return '[]';
    end if;
    delete from private.workers where last_seen_at < v_now - interval '1 day';
    for v_job in
        select * from public.ml_training_jobs
        where status = 'running' and lease_expires_at < v_now
        order by id
        for update skip locked
    loop
        perform private.take_back_training_job(v_job);
    end loop;
    for v_operation in
        select * from public.ml_operations
        where status = 'running' and lease_expires_at < v_now
        order by id
        for update skip locked
    loop
        perform private.take_back_operation(v_operation);
    end loop;
    -- Rung again when nobody came for it within 5 s (the message may be lost), and at once when it
    -- was taken back: then it still names its last owner.
    with rung as (
        update public.ml_training_jobs set queued_at = v_now, lease_owner = null
        where id in (
            select q.id from public.ml_training_jobs as q
            where q.status = 'queued'
                and (q.queued_at < v_now - interval '5 seconds' or q.lease_owner is not null)
            order by q.queued_at limit 1000
            for update skip locked
        )
        returning id, 'retrain' as actor
    ), rung_operations as (
        update public.ml_operations set queued_at = v_now, lease_owner = null
        where id in (
            select q.id from public.ml_operations as q
            where q.status = 'queued'
                and (q.queued_at < v_now - interval '5 seconds' or q.lease_owner is not null)
            order by q.queued_at limit 1000
            for update skip locked
        )
        returning id, private.actor_of(kind) as actor
    )
    select coalesce(
        pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('actor', r.actor, 'id', r.id)), '[]'
    ) into v_rings
    from (select * from rung union all select * from rung_operations) as r;
    return v_rings;
end
$$;
comment on function private.sweep_lost_work(text, text) is 'See public.sweep_lost_work.';

create function private.actor_of(p_kind public.ml_operation_kind) returns text
language sql immutable
set search_path = ''
return case p_kind
    when 'check' then 'check_performance'
    when 'validation' then 'validate_models'
    when 'deployment' then 'deploy_model'
end;
comment on function private.actor_of(public.ml_operation_kind) is
'The worker actor that carries out an operation of this kind.';

create function private.take_back_training_job(p_job public.ml_training_jobs) returns void
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
comment on function private.take_back_training_job(public.ml_training_jobs) is
'What becomes of a job whose worker is lost: queued again, or ended after the third.';

create function private.take_back_operation(p_operation public.ml_operations) returns void
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
comment on function private.take_back_operation(public.ml_operations) is
'What becomes of an operation whose worker is lost: queued again, or ended after the third.';

create function public.sweep_lost_work(p_worker text, p_kind text default 'worker') returns jsonb
language sql
set search_path = ''
return private.sweep_lost_work(p_worker, p_kind);
comment on function public.sweep_lost_work(text, text) is
'machinery: takes back expired leases, and names the queued work whose bell must be rung again.';

create function private.run_housekeeping() returns jsonb
language sql security definer
set search_path = ''
return pg_catalog.jsonb_build_object('partitions_created', private.create_partitions());
comment on function private.run_housekeeping() is 'See public.run_housekeeping.';

create function public.run_housekeeping() returns jsonb
language sql
set search_path = ''
return private.run_housekeeping();
comment on function public.run_housekeeping() is
'machinery: keeps the partitions ahead of the months.';

select private.set_function_class(f, 'internal')
from unnest(array[
    'private.take_back_training_job(public.ml_training_jobs)',
    'private.take_back_operation(public.ml_operations)',
    'private.actor_of(public.ml_operation_kind)'
]::regprocedure[]) as f;

select private.set_function_class(f, 'machinery')
from unnest(array[
    'private.sweep_lost_work(text, text)', 'public.sweep_lost_work(text, text)',
    'private.run_housekeeping()', 'public.run_housekeeping()'
]::regprocedure[]) as f;

select private.record_migration('20261124001950');
