-- What the checks of a deployment leave behind for the next one belongs to the deployment: a model
-- that serves again, after a rollback, is watched anew. Labels are counted in spans of time, so no
-- row's key is kept; what the training data looked like is in the artifact's metadata.
drop table private.counted_labels;
drop table private.reference_profiles;
drop table private.detector_state;

create table private.detector_state (
    deployment_id uuid primary key references public.ml_model_deployments (id) on delete cascade,
    revision integer not null default 1,
    seen_until timestamptz not null,
    state jsonb not null,
    updated_at timestamptz not null default pg_catalog.clock_timestamp(),
    constraint detector_state_revision_is_positive check (revision > 0),
    constraint detector_state_is_an_object check (pg_catalog.jsonb_typeof(state) = 'object')
);
comment on table private.detector_state is
'What watching each deployment has come to: one small object, moving forward only.';
comment on column private.detector_state.revision is
'Counts the changes: of two checks that read the same one only the first is kept.';
comment on column private.detector_state.seen_until is
'Labels that were known by then are counted; a check as of an earlier time changes nothing.';
alter table private.detector_state enable row level security;
revoke all on private.detector_state from public, anon, authenticated, service_role;
create policy "detector state is for the machinery alone" on private.detector_state
for select to authenticated using (false);

create function private.watched_champion_json(
    p_model_type text, p_environment public.ml_environment
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
comment on function private.watched_champion_json(text, public.ml_environment) is
'The champion with what its checks have left behind, and the rows that validations against it have judged by; null when none serves.';
select private.set_function_class(
    'private.watched_champion_json(text, public.ml_environment)'::regprocedure, 'internal'
);

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
        )
    );
end
$$;

create or replace function private.operation_targets(p_operation public.ml_operations) returns jsonb
language sql stable
set search_path = ''
as $$
    select coalesce(pg_catalog.jsonb_agg(x.target order by x.position), '[]')
    from (
        select
            n.position,
            pg_catalog.jsonb_build_object(
                'model_type', private.model_type_json(t), 'model', null,
                'champion', private.watched_champion_json(t.name, p_operation.environment)
            ) as target
        from pg_catalog.jsonb_array_elements_text(p_operation.parameters -> 'model_types')
            with ordinality as n (name, position)
        inner join public.ml_model_types as t on n.name = t.name
        union all
        select
            i.position,
            pg_catalog.jsonb_build_object(
                'model_type', private.model_type_json(t), 'model', pg_catalog.to_jsonb(m),
                'champion', private.watched_champion_json(t.name, p_operation.environment)
            )
        from pg_catalog.jsonb_array_elements_text(p_operation.parameters -> 'model_ids')
            with ordinality as i (id, position)
        inner join public.ml_models as m on m.id = i.id::uuid
        inner join public.ml_model_types as t on m.model_type = t.name
    ) as x
$$;

select private.record_migration('20261124160100');
