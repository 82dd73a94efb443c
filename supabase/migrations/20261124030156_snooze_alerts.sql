-- An alert that stands may be told later: somebody knows, and has no time for it now.
create or replace trigger audit after insert or update on public.ml_alerts
for each row execute function private.audit_change(
    'alert', 'kind', 'severity', 'status', 'message', 'acknowledged_by', 'snoozed_until'
);

create function private.snooze_alert(p_id uuid, p_until timestamptz, p_actor jsonb) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    v_actor constant jsonb := private.require_role('operator', p_actor);
    v_now constant timestamptz := pg_catalog.clock_timestamp();
    v_row public.ml_alerts;
begin
    if p_until is null or p_until <= v_now or p_until > v_now + interval '30 days' then
        perform private.raise_error(
            422, 'invalid_request', 'until must be a time within the next 30 days.'
        );
    end if;
    perform private.act_as(v_actor);
    update public.ml_alerts set snoozed_until = p_until
    where id = p_id and status <> 'resolved'
    returning * into v_row;
    if not found then
        if not exists (select from public.ml_alerts as a where a.id = p_id) then
            perform private.raise_error(
                404, 'not_found', pg_catalog.format('There is no alert %s.', p_id)
            );
        end if;
        perform private.raise_error(
            409, 'illegal_transition',
            pg_catalog.format('The alert %s is resolved already.', p_id)
        );
    end if;
    return pg_catalog.to_jsonb(v_row);
end
$$;
comment on function private.snooze_alert(uuid, timestamptz, jsonb) is 'See public.snooze_alert.';

create function public.snooze_alert(
    p_id uuid, p_until timestamptz, p_actor jsonb default null
) returns jsonb
language sql
set search_path = ''
return private.snooze_alert(p_id, p_until, p_actor);
comment on function public.snooze_alert(uuid, timestamptz, jsonb) is
'request, operator: nobody is told again of an alert until a time in the next 30 days; it stands on.';

select private.set_function_class(f, 'request')
from unnest(array[
    'private.snooze_alert(uuid, timestamptz, jsonb)',
    'public.snooze_alert(uuid, timestamptz, jsonb)'
]::regprocedure[]) as f;

create or replace function private.run_once(
    p_action text, p_key text, p_body_hash text, p_function text, p_arguments jsonb, p_actor jsonb
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    -- Requests alone, which know their caller in a definer function too; nothing of the machinery,
    -- and nothing that gives out a secret: the answer is kept.
    v_functions constant text [] := array[
        'trigger_retraining', 'request_check', 'request_validation', 'request_deployment',
        'rollback_model', 'cancel_job', 'create_model_type', 'update_model_type',
        'create_schedule', 'update_schedule', 'acknowledge_alert',
        'snooze_alert', 'record_event'
    ];
    v_answer jsonb;
    v_names text;
    v_columns text;
begin
    if not coalesce(p_function = any(v_functions), false) then
        perform private.raise_error(
            422, 'invalid_request', pg_catalog.format('There is no request %s to run once.', p_function)
        );
    end if;
    perform private.require_role('operator', p_actor);
    perform private.check_needed('action', p_action);
    perform private.check_needed('Idempotency-Key', p_key);
    perform private.check_needed('body_hash', p_body_hash);
    v_answer := private.find_answer(p_action, p_key, p_body_hash, p_actor);
    if v_answer is not null then
        return pg_catalog.jsonb_build_object('answer', v_answer, 'replayed', true);
    end if;
    perform private.refuse_unknown_fields(
        p_arguments,
        (
            select p.proargnames::text [] from pg_catalog.pg_proc as p
            where p.pronamespace = 'public'::regnamespace and p.proname = p_function
        ),
        p_function
    );
    -- The catalogue knows the types: jsonb_to_record reads each argument as its own. (With several
    -- arguments unnest is grammar, not a function of pg_catalog.)
    select
        pg_catalog.string_agg(pg_catalog.format('%I => r.%I, ', a.name, a.name), ''),
        pg_catalog.string_agg(
            pg_catalog.format('%I %s', a.name, pg_catalog.format_type(a.type, null)), ', '
        )
    into v_names, v_columns
    from pg_catalog.pg_proc as p
    cross join lateral unnest(p.proargnames, p.proargtypes::oid []) as a (name, type)
    where p.pronamespace = 'public'::regnamespace and p.proname = p_function
        and p_arguments ? a.name and a.name <> 'p_actor';
    execute case
        when v_columns is null
            then pg_catalog.format('select public.%I(p_actor => $2)', p_function)
        else pg_catalog.format(
            'select public.%I(%s p_actor => $2) from pg_catalog.jsonb_to_record($1) as r (%s)',
            p_function, v_names, v_columns
        )
    end
    into v_answer using p_arguments, p_actor;
    perform private.keep_answer(p_action, p_key, p_body_hash, v_answer, p_actor);
    return pg_catalog.jsonb_build_object('answer', v_answer, 'replayed', false);
end
$$;
create or replace function public.get_status(
    p_environment public.ml_environment default 'production', p_actor jsonb default null
) returns jsonb
language plpgsql stable
set search_path = ''
as $$
begin
    perform private.require_role('viewer', p_actor);
    return pg_catalog.jsonb_build_object(
        'environment', p_environment,
        'models', (
            select pg_catalog.jsonb_build_object(
                'total', pg_catalog.count(*),
                'candidate', pg_catalog.count(*) filter (where m.status = 'candidate'),
                'approved', pg_catalog.count(*) filter (where m.status = 'approved'),
                'rejected', pg_catalog.count(*) filter (where m.status = 'rejected'),
                'quarantined', pg_catalog.count(*) filter (where m.quarantined_at is not null)
            )
            from public.ml_models as m
        ),
        'champions', (
            select coalesce(
                pg_catalog.jsonb_agg(private.deployment_json(d) order by d.model_type), '[]'
            )
            from public.ml_model_deployments as d
            where d.environment = p_environment and d.status = 'active'
        ),
        'active_jobs', (
            select coalesce(
                pg_catalog.jsonb_agg(
                    pg_catalog.jsonb_build_object(
                        'id', j.id, 'model_type', j.model_type, 'status', j.status,
                        'stage', j.stage, 'progress', j.progress, 'attempt', j.attempt,
                        'created_at', j.created_at, 'started_at', j.started_at
                    ) order by j.created_at
                ), '[]'
            )
            from public.ml_training_jobs as j
            where j.environment = p_environment and j.status in ('queued', 'running')
        ),
        'success_rate', public.get_training_job_stats(30, null, p_environment, p_actor)
            -> 'success_rate',
        'average_improvement', (
            select pg_catalog.avg(v.improvement)
            from public.ml_model_deployments as d
            inner join public.ml_model_validations as v on d.validation_id = v.id
            where d.environment = p_environment and d.rolled_back_from is null
                and v.champion_deployment_id is not null
                and d.created_at > pg_catalog.now() - interval '30 days'
        ),
        'next_runs', (
            select coalesce(
                pg_catalog.jsonb_agg(
                    pg_catalog.jsonb_build_object(
                        'model_type', s.model_type, 'kind', s.kind, 'next_run_at', s.next_run_at
                    ) order by s.next_run_at, s.model_type
                ), '[]'
            )
            from public.ml_retraining_schedules as s
            inner join public.ml_model_types as t on s.model_type = t.name
            where s.environment = p_environment and s.enabled and t.enabled
        ),
        'open_alerts', (
            select coalesce(
                pg_catalog.jsonb_agg(
                    pg_catalog.jsonb_build_object(
                        'id', a.id, 'model_type', a.model_type, 'kind', a.kind,
                        'severity', a.severity, 'status', a.status, 'message', a.message,
                        'occurrences', a.occurrences, 'created_at', a.created_at,
                        'last_seen_at', a.last_seen_at, 'snoozed_until', a.snoozed_until
                    ) order by a.created_at desc
                ), '[]'
            )
            from public.ml_alerts as a
            where a.environment = p_environment and a.status <> 'resolved'
        ),
        'queue', pg_catalog.jsonb_build_object(
            'jobs', (
                select pg_catalog.count(*)
                from public.ml_training_jobs as j where j.status = 'queued'
            ),
            'operations', (
                select pg_catalog.count(*)
                from public.ml_operations as o where o.status = 'queued'
            )
        ),
        'workers', (
            select coalesce(
                pg_catalog.jsonb_agg(
                    pg_catalog.jsonb_build_object(
                        'id', w.id, 'kind', w.kind, 'last_seen_at', w.last_seen_at
                    ) order by w.kind, w.id
                ), '[]'
            )
            from private.present_workers as w
        )
    );
end
$$;

select private.record_migration('20261124030156');
