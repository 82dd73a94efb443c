-- How a training ended, what was deployed, and what waits for a person.
create function private.training_facts(p_job public.ml_training_jobs) returns jsonb
language sql stable
set search_path = ''
return (
    select
        pg_catalog.jsonb_build_object(
            'outcome', case
                when (p_job.result ->> 'deployed')::boolean then 'deployed'
                when p_job.result ? 'deployment_error' then 'deployment_failed'
                when p_job.result ->> 'verdict' is null then 'not_validated'
                else p_job.result ->> 'verdict'
            end,
            'waits_because', case
                when
                    (p_job.result ->> 'deployed')::boolean
                    or p_job.result ->> 'verdict' is distinct from 'approved'
                    then null
                when p_job.result ? 'deployment_error' then 'deployment_failed'
                when not p_job.auto_deploy then 'auto_deploy_off'
                else 'below_threshold'
            end,
            'auto_deployment_threshold', t.auto_deployment_threshold,
            'trigger', p_job.trigger, 'forced', p_job.force, 'asked_because', p_job.reason,
            'requested_by', p_job.requested_by ->> 'name',
            'duration_seconds', extract(
                epoch from p_job.finished_at - p_job.started_at
            )::double precision,
            'metric', t.metric, 'value', m.metrics -> t.metric,
            'verdict', v.verdict, 'reason', v.reason, 'improvement', v.improvement,
            'confidence_interval', case
                when v.ci_low is not null then pg_catalog.jsonb_build_array(v.ci_low, v.ci_high)
            end,
            'samples', v.samples, 'gates', v.gates,
            'previous_version', (
                select c.version
                from public.ml_model_deployments as d
                inner join public.ml_models as c on d.model_id = c.id
                where d.id = v.champion_deployment_id
            ),
            'model_id', m.id, 'model_version', m.version,
            'deployment_id', p_job.result ->> 'deployment_id',
            'deployment_error', p_job.result -> 'deployment_error',
            'check', p_job.check_result
        )
    from public.ml_model_types as t
    left join public.ml_models as m on m.training_job_id = p_job.id
    left join public.ml_model_validations as v
        on v.id = (p_job.result ->> 'validation_id')::uuid
    where t.name = p_job.model_type
);
comment on function private.training_facts(public.ml_training_jobs) is
'What a sentence about a training that succeeded needs: what became of its challenger, and why.';

create function private.note_training() returns trigger
language plpgsql
set search_path = ''
as $$
declare
    v_facts jsonb;
    v_deployment constant uuid := (new.result ->> 'deployment_id')::uuid;
begin
    if not new.notify then
        return null;
    end if;
    v_facts := private.training_facts(new);
    perform private.note_event(
        'training_succeeded', 'info', new.model_type, new.environment, null, new.id,
        v_deployment, null, v_facts
    );
    -- For a channel that hears of the training this is the same news: it is told once there.
    if v_deployment is not null then
        perform private.note_event(
            'deployed', 'info', new.model_type, new.environment, null, new.id, v_deployment, null,
            v_facts
        );
    elsif v_facts ->> 'outcome' = 'approved' then
        perform private.note_event(
            'approval_needed', 'warning', new.model_type, new.environment,
            pg_catalog.format('approval:%s/%s', new.model_type, new.environment), new.id, null,
            null, v_facts
        );
    end if;
    return null;
end
$$;
comment on function private.note_training() is
'A training that succeeded is noted, with what became of its challenger.';

create trigger note_training after update of status on public.ml_training_jobs
for each row when (new.status = 'succeeded' and old.status <> 'succeeded')
execute function private.note_training();

create function private.deployment_facts(p_id uuid) returns jsonb
language sql stable
set search_path = ''
return (
    select
        pg_catalog.jsonb_build_object(
            'model_id', m.id, 'model_version', m.version, 'deployment_id', d.id,
            'previous_version', p.version, 'forced', d.forced, 'reason', d.reason,
            'deployed_by', d.deployed_by ->> 'name', 'metric', t.metric,
            'value', m.metrics -> t.metric, 'verdict', v.verdict, 'improvement', v.improvement,
            'confidence_interval', case
                when v.ci_low is not null then pg_catalog.jsonb_build_array(v.ci_low, v.ci_high)
            end,
            'samples', v.samples
        )
    from public.ml_model_deployments as d
    inner join public.ml_models as m on d.model_id = m.id
    inner join public.ml_model_types as t on d.model_type = t.name
    left join public.ml_model_validations as v on d.validation_id = v.id
    left join lateral (
        select b.version
        from public.ml_model_deployments as e
        inner join public.ml_models as b on e.model_id = b.id
        where
            e.model_type = d.model_type and e.environment = d.environment
            and e.created_at < d.created_at
        order by e.created_at desc
        limit 1
    ) as p on true
    where d.id = p_id
);
comment on function private.deployment_facts(uuid) is
'What a sentence about a deployment needs.';

create function private.note_deployment() returns trigger
language plpgsql
set search_path = ''
as $$
begin
    -- Whatever waited for this, or stood because there was none, is over.
    perform private.note_end(pg_catalog.format('approval:%s/%s', new.model_type, new.environment));
    perform private.note_end(
        pg_catalog.format('deployment:%s/%s', new.model_type, new.environment)
    );
    if new.rolled_back_from is not null then
        perform private.note_event(
            'rolled_back', 'warning', new.model_type, new.environment, null, null, new.id, null,
            private.deployment_facts(new.id)
        );
    end if;
    return null;
end
$$;
comment on function private.note_deployment() is
'A new deployment ends what waited for it; one that goes back to an earlier model is noted.';

create trigger note_deployment after insert on public.ml_model_deployments
for each row execute function private.note_deployment();

create function private.note_operation() returns trigger
language plpgsql
set search_path = ''
as $$
declare
    v_item jsonb;
begin
    if not coalesce((new.parameters ->> 'notify')::boolean, true) then
        return null;
    end if;
    for v_item in
        select d.item
        from pg_catalog.jsonb_array_elements(new.result -> 'deployments') as d (item)
        where (d.item ->> 'changed')::boolean
    loop
        perform private.note_event(
            'deployed', 'info', v_item ->> 'model_type', new.environment, null, null,
            (v_item ->> 'id')::uuid, null, private.deployment_facts((v_item ->> 'id')::uuid)
        );
    end loop;
    for v_item in
        -- Of each model that was asked for and does not serve: why.
        select
            pg_catalog.jsonb_build_object(
                'model_type', m.model_type, 'model_id', m.id, 'model_version', m.version,
                'operation_id', new.id, 'requested_by', new.requested_by ->> 'name',
                'message', coalesce(e.item, new.error) ->> 'detail',
                'type', coalesce(e.item, new.error) ->> 'type'
            )
        from pg_catalog.jsonb_array_elements_text(new.parameters -> 'model_ids') as a (id)
        inner join public.ml_models as m on m.id = a.id::uuid
        left join lateral (
            select x.item
            from pg_catalog.jsonb_array_elements(new.result -> 'errors') as x (item)
            where x.item ->> 'model_id' = a.id
            limit 1
        ) as e on true
        where e.item is not null
            or (
                new.status = 'failed'
                and coalesce(pg_catalog.jsonb_array_length(new.result -> 'errors'), 0) = 0
            )
    loop
        perform private.note_event(
            'deployment_failed', 'warning', v_item ->> 'model_type', new.environment,
            pg_catalog.format('deployment:%s/%s', v_item ->> 'model_type', new.environment),
            null, null, null, v_item
        );
    end loop;
    return null;
end
$$;
comment on function private.note_operation() is
'A deployment that was asked for is noted when it has ended: what serves now, and what does not.';

create trigger note_operation after update of status on public.ml_operations
for each row when (
    new.kind = 'deployment' and new.status in ('succeeded', 'failed')
    and old.status is distinct from new.status
)
execute function private.note_operation();

select private.set_function_class(f, 'internal')
from unnest(array[
    'private.training_facts(public.ml_training_jobs)', 'private.note_training()',
    'private.deployment_facts(uuid)', 'private.note_deployment()', 'private.note_operation()'
]::regprocedure[]) as f;

select private.record_migration('20261124030130');
