-- A training that was begun sets back the levels that start trainings. Its moment is written down
-- when it begins, apart from what checks leave behind: so no check that ends in the meantime can
-- undo it, and the next one takes it into account whichever of them came first.
create table private.training_attempts (
    job_id uuid primary key references public.ml_training_jobs (id) on delete cascade,
    deployment_id uuid not null references public.ml_model_deployments (id) on delete cascade,
    attempted_at timestamptz not null
);
comment on table private.training_attempts is
'Trainings that were begun to replace a deployment; one counts once its job has succeeded or failed.';
comment on column private.training_attempts.attempted_at is
'When it was begun, by as_of where there is one; of a job that was tried again its last beginning.';
create index training_attempts_by_deployment
on private.training_attempts (deployment_id, attempted_at desc);
alter table private.training_attempts enable row level security;
revoke all on private.training_attempts from public, anon, authenticated, service_role;
create policy "training attempts are for the machinery alone" on private.training_attempts
for select to authenticated using (false);

comment on column public.ml_training_jobs.training_begun_at is
'When it was decided to train, and the limits allowed it, by as_of where there is one; null: it has only checked so far, or judges a model that was brought.';

create or replace function private.begin_training(p_id uuid, p_lease_token uuid) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    v_job constant public.ml_training_jobs := private.hold_training_job(p_id, p_lease_token);
    v_moment constant timestamptz := coalesce(v_job.as_of, pg_catalog.clock_timestamp());
    v_type public.ml_model_types;
    v_limit jsonb;
begin
    -- A model that was brought is only judged: nothing is trained, so nothing is counted.
    if exists (select from private.model_imports as i where i.job_id = p_id) then
        return pg_catalog.jsonb_build_object('allowed', true);
    end if;
    -- Counted and begun under the model type's lock, by limits that nobody changes meanwhile.
    select * into v_type from public.ml_model_types
    where name = v_job.model_type for no key update;
    -- A lost worker had begun it already: it goes on, and counts once.
    if v_job.training_begun_at is null then
        if not v_job.override_limits then
            v_limit := private.find_training_limit(v_type, v_job.environment, v_moment);
        end if;
        if v_limit is not null then
            return v_limit || pg_catalog.jsonb_build_object('allowed', false);
        end if;
        update public.ml_training_jobs set training_begun_at = v_moment where id = p_id;
    end if;
    insert into private.training_attempts (job_id, deployment_id, attempted_at)
    select p_id, d.id, v_moment
    from public.ml_model_deployments as d
    where d.model_type = v_job.model_type and d.environment = v_job.environment
        and d.status = 'active'
    on conflict (job_id) do update set
        deployment_id = excluded.deployment_id, attempted_at = excluded.attempted_at;
    return pg_catalog.jsonb_build_object('allowed', true);
end
$$;

comment on function public.begin_training(uuid, uuid) is
'machinery: asks whether cool-down and budget allow the training that a job has decided on, and counts it, unless it only judges a model that was brought; {allowed}, or {allowed, reason, until}.';

create function private.last_attempt_on(p_deployment_id uuid, p_evaluated_at timestamptz)
returns timestamptz
language sql stable
set search_path = ''
return (
    -- While a job runs, or waits to be tried again, its own check must still see why it was begun;
    -- one that was cancelled has tried nothing.
    select a.attempted_at
    from private.training_attempts as a
    inner join public.ml_training_jobs as j on a.job_id = j.id
    where
        a.deployment_id = p_deployment_id and a.attempted_at <= p_evaluated_at
        and j.status in ('succeeded', 'failed')
    order by a.attempted_at desc
    limit 1
);
comment on function private.last_attempt_on(uuid, timestamptz) is
'When the last training that was to replace a deployment was begun, as known at a time; null: none was.';

drop function private.watched_champion_json(text, public.ml_environment);

create function private.watched_champion_json(
    p_model_type text, p_environment public.ml_environment, p_evaluated_at timestamptz
) returns jsonb
language sql stable
set search_path = ''
return (
    select
        c.champion || pg_catalog.jsonb_build_object(
            'monitor', (
                select
                    pg_catalog.jsonb_build_object(
                        'revision', s.revision, 'seen_until', s.seen_until, 'state', s.state
                    )
                from private.detector_state as s
                where s.deployment_id = (c.champion ->> 'id')::uuid
            ),
            'attempted_at', private.last_attempt_on((c.champion ->> 'id')::uuid, p_evaluated_at),
            'holdouts', (
                select
                    coalesce(
                        pg_catalog.jsonb_agg(
                            pg_catalog.jsonb_build_object(
                                'start', h.holdout_start, 'end', h.holdout_end
                            ) order by h.id
                        ), '[]'
                    )
                from private.holdout_ledger as h
                inner join public.ml_model_validations as v on h.validation_id = v.id
                where v.champion_deployment_id = (c.champion ->> 'id')::uuid
            )
        )
    from (select private.champion_json(p_model_type, p_environment) as champion) as c
    where c.champion is not null
);
comment on function private.watched_champion_json(text, public.ml_environment, timestamptz) is
'The champion with what its checks have left behind, the last attempt to replace it, and the rows that validations against it have judged by; null when none serves.';

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
        'champion', private.watched_champion_json(
            v_job.model_type, v_job.environment, v_evaluated_at
        ),
        -- Of trainings alone: a model that was brought has learnt from none of these rows.
        'last_attempt', (
            select m.window_end
            from public.ml_models as m
            inner join public.ml_training_jobs as j on m.training_job_id = j.id
            where m.model_type = v_job.model_type and j.environment = v_job.environment
                and m.window_end <= v_evaluated_at
                and not exists (select from private.model_imports as i where i.job_id = j.id)
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

create or replace function private.operation_targets(p_operation public.ml_operations) returns jsonb
language sql stable
set search_path = ''
as $$
    with moment as (
        select coalesce(p_operation.as_of, pg_catalog.clock_timestamp()) as evaluated_at
    )

    select coalesce(pg_catalog.jsonb_agg(x.target order by x.position), '[]')
    from (
        select
            n.position,
            pg_catalog.jsonb_build_object(
                'model_type', private.model_type_json(t), 'model', null,
                'champion', private.watched_champion_json(
                    t.name, p_operation.environment, w.evaluated_at
                )
            ) as target
        from moment as w
        cross join pg_catalog.jsonb_array_elements_text(p_operation.parameters -> 'model_types')
            with ordinality as n (name, position)
        inner join public.ml_model_types as t on n.name = t.name
        union all
        select
            i.position,
            pg_catalog.jsonb_build_object(
                'model_type', private.model_type_json(t), 'model', pg_catalog.to_jsonb(m),
                'champion', private.watched_champion_json(
                    t.name, p_operation.environment, w.evaluated_at
                )
            )
        from moment as w
        cross join pg_catalog.jsonb_array_elements_text(p_operation.parameters -> 'model_ids')
            with ordinality as i (id, position)
        inner join public.ml_models as m on m.id = i.id::uuid
        inner join public.ml_model_types as t on m.model_type = t.name
    ) as x
$$;

-- What a job's check leaves behind is its check's alone: that it began a training is told apart.
create or replace function private.finish_training_job(
    p_id uuid, p_lease_token uuid, p_outcome jsonb
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    v_job public.ml_training_jobs := private.hold_training_job(p_id, p_lease_token);
    v_status constant public.ml_job_status := p_outcome ->> 'status';
    v_check constant jsonb := p_outcome -> 'check';
    v_quality constant jsonb := p_outcome -> 'quality';
    v_retry constant boolean := v_status = 'failed'
        and coalesce((p_outcome ->> 'retry')::boolean, false)
        and v_job.attempt < 3 and v_job.cancel_requested_at is null;
    v_result jsonb;
begin
    if v_status in ('queued', 'running') then
        perform private.raise_error(409, 'illegal_transition', pg_catalog.format('A job cannot finish as %s.', v_status));
    end if;
    -- Locked in the order of every writer: model type first, then what belongs to it.
    perform from public.ml_model_types where name = v_job.model_type for no key update;
    if v_retry then
        update public.ml_training_jobs set
            status = 'queued', stage = 'queued', progress = 0, lease_token = null,
            lease_owner = null, lease_expires_at = null,
            queued_at = pg_catalog.clock_timestamp(), error = p_outcome -> 'error'
        where id = p_id
        returning * into v_job;
        return private.training_job_json(v_job);
    end if;
    if pg_catalog.jsonb_typeof(v_check) = 'object' then
        perform private.insert_check(v_check, v_job.environment, v_job.id, null, v_job.as_of);
    end if;
    if pg_catalog.jsonb_typeof(v_quality) = 'object' then
        perform private.insert_quality(v_job.model_type, v_job.id, v_quality, v_job.as_of);
    end if;
    if v_status = 'succeeded' then
        v_result := private.finish_training(v_job, p_outcome);
        perform private.resolve_alert(
            v_job.model_type, v_job.environment, array['training_failure', 'data_quality']
        );
    elsif v_status = 'failed' then
        perform private.raise_alert(
            v_job.model_type, v_job.environment,
            case p_outcome -> 'error' ->> 'type' when 'data' then 'data_quality' else 'training_failure' end,
            'critical', coalesce(p_outcome -> 'error' ->> 'detail', 'The training failed.'),
            pg_catalog.jsonb_build_object('job_id', v_job.id)
        );
    end if;
    update public.ml_training_jobs set
        status = v_status, stage = v_status::text,
        progress = case when v_status in ('succeeded', 'skipped') then 1 else progress end,
        lease_token = null, lease_expires_at = null,
        finished_at = pg_catalog.clock_timestamp(),
        check_result = nullif(v_check, 'null') - 'monitor',
        plan = nullif(p_outcome -> 'model' -> 'plan', 'null'),
        fingerprint = nullif(p_outcome -> 'fingerprint', 'null'),
        result = v_result,
        skip_reason = p_outcome ->> 'skip_reason',
        error = nullif(p_outcome -> 'error', 'null')
    where id = p_id
    returning * into v_job;
    return private.training_job_json(v_job) || pg_catalog.jsonb_build_object(
        'follow_up_id', private.close_training_job(v_job)
    );
end
$$;

select private.set_function_class(f, 'internal')
from unnest(array[
    'private.last_attempt_on(uuid, timestamptz)',
    'private.watched_champion_json(text, public.ml_environment, timestamptz)'
]::regprocedure[]) as f;

select private.record_migration('20261124190000');
