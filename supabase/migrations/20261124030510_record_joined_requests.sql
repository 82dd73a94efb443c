-- Who else asked for a training that was waiting or running already.
create table private.joined_requests (
    id bigint generated always as identity primary key,
    job_id uuid not null references public.ml_training_jobs (id) on delete cascade,
    for_follow_up boolean not null,
    requested_by jsonb not null,
    trigger text not null,
    reason text,
    force boolean not null,
    request_id text,
    joined_at timestamptz not null default pg_catalog.clock_timestamp()
);
comment on table private.joined_requests is
'Requests that joined an active training job instead of making one; the first hundred of each job.';
comment on column private.joined_requests.for_follow_up is
'Whether the job could not serve it any more, so that it belongs to the one that follows.';
create index joined_requests_by_job on private.joined_requests (job_id, id);
create index joined_requests_by_request on private.joined_requests (request_id);
create index ml_training_jobs_by_request on public.ml_training_jobs (request_id);
create index ml_training_jobs_by_follow_up on public.ml_training_jobs ((follow_up ->> 'id'))
where follow_up is not null;

alter table private.joined_requests enable row level security;
revoke all on private.joined_requests from public, anon, authenticated, service_role;
create policy "ML viewers can read joined requests" on private.joined_requests
for select to authenticated using ((select private.has_ml_role('viewer')));
grant select on private.joined_requests to authenticated, service_role;

create or replace function private.join_training_job(
    p_job public.ml_training_jobs, p_request jsonb, p_follows boolean
) returns void
language plpgsql
set search_path = ''
as $$
declare
    v_merged jsonb;
begin
    -- Bounded: a program may ask without end while a job waits.
    insert into private.joined_requests (
        job_id, for_follow_up, requested_by, trigger, reason, force, request_id
    )
    select
        p_job.id, p_follows, p_request -> 'requested_by', p_request ->> 'trigger',
        p_request ->> 'reason', (p_request ->> 'force')::boolean, p_request ->> 'request_id'
    where (
        select pg_catalog.count(*) from private.joined_requests as r where r.job_id = p_job.id
    ) < 100;
    if p_follows then
        update public.ml_training_jobs set follow_up = case
            when p_job.follow_up is null
                then p_request || pg_catalog.jsonb_build_object('id', pg_catalog.gen_random_uuid())
            else private.merge_requests(p_job.follow_up, p_request)
        end
        where id = p_job.id;
    elsif p_job.status = 'queued' then
        v_merged := private.merge_requests(pg_catalog.to_jsonb(p_job), p_request);
        update public.ml_training_jobs set
            force = (v_merged ->> 'force')::boolean,
            override_limits = (v_merged ->> 'override_limits')::boolean,
            auto_validate = (v_merged ->> 'auto_validate')::boolean,
            auto_deploy = (v_merged ->> 'auto_deploy')::boolean,
            notify = (v_merged ->> 'notify')::boolean
        where id = p_job.id;
    elsif (p_request ->> 'notify')::boolean and not p_job.notify then
        -- Read when it ends: a running one can still be told.
        update public.ml_training_jobs set notify = true where id = p_job.id;
    end if;
end
$$;

select private.record_migration('20261124030510');
