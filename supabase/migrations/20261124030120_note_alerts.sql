-- Alerts that open, are seen again and end are told by the transaction that does it.
create function private.time_to_settle() returns interval
language sql immutable
set search_path = ''
return interval '10 minutes';
comment on function private.time_to_settle() is
'How long something must have been over until people are told so: what comes and goes is told once.';

create function private.begin_again(
    p_event text, p_severity text, p_model_type text, p_environment public.ml_environment,
    p_subject text, p_job_id uuid, p_deployment_id uuid, p_alert_id uuid, p_data jsonb
) returns boolean
language plpgsql
set search_path = ''
as $$
declare
    v_now constant timestamptz := pg_catalog.clock_timestamp();
    v_ended public.ml_notifications;
begin
    select * into v_ended
    from public.ml_notifications as n
    where n.model_type = p_model_type and n.environment = p_environment and n.event = p_event
        and n.resolved_at > v_now - private.time_to_settle()
        -- The same trouble of the same model: each alert that opens has another subject.
        and (n.subject = p_subject or (n.alert_id is not null and p_alert_id is not null))
        and n.data ->> 'kind' is not distinct from p_data ->> 'kind'
        and n.deployment_id is not distinct from p_deployment_id
        and not exists (
            select from public.ml_notifications as s
            where s.subject = p_subject and s.resolved_at is null
        )
    order by n.resolved_at desc limit 1
    for no key update;
    if not found then
        return false;
    end if;
    update public.ml_notifications set
        subject = p_subject, alert_id = p_alert_id, severity = p_severity, job_id = p_job_id,
        data = p_data, occurrences = v_ended.occurrences + 1, last_at = v_now,
        resolved_at = null, begun_again_at = v_now, to_plan = true
    where id = v_ended.id;
    -- Whoever wanted to hear nothing of it hears nothing.
    update public.ml_alerts as a set snoozed_until = e.snoozed_until
    from public.ml_alerts as e
    where a.id = p_alert_id and e.id = v_ended.alert_id and e.id <> a.id
        and e.snoozed_until > v_now;
    return true;
end
$$;
comment on function private.begin_again(
    text, text, text, public.ml_environment, text, uuid, uuid, uuid, jsonb
) is
'Takes back the end of what is there again before people were told that it was over; false: there is no such thing.';

create function private.note_event(
    p_event text, p_severity text, p_model_type text, p_environment public.ml_environment,
    p_subject text, p_job_id uuid, p_deployment_id uuid, p_alert_id uuid, p_data jsonb
) returns void
language plpgsql
set search_path = ''
as $$
begin
    -- What replays the past is looked at by whoever lets it: nobody is to be woken by it.
    if exists (
        select from public.ml_model_types as t where t.name = p_model_type and t.replay
    ) then
        return;
    end if;
    -- Of what somebody asks for, each failure is news, and each model that waits.
    if (p_alert_id is not null or p_event = 'schedule_missed')
        and private.begin_again(
            p_event, p_severity, p_model_type, p_environment, p_subject, p_job_id,
            p_deployment_id, p_alert_id, p_data
        )
    then
        return;
    end if;
    insert into public.ml_notifications (
        event, severity, model_type, environment, subject, job_id, deployment_id, alert_id, data
    ) values (
        p_event, p_severity, p_model_type, p_environment, p_subject, p_job_id, p_deployment_id,
        p_alert_id, p_data
    )
    on conflict (subject) where resolved_at is null do update set
        severity = excluded.severity,
        job_id = excluded.job_id,
        deployment_id = excluded.deployment_id,
        data = excluded.data,
        occurrences = ml_notifications.occurrences + 1,
        last_at = pg_catalog.clock_timestamp(),
        to_plan = true;
end
$$;
comment on function private.note_event(
    text, text, text, public.ml_environment, text, uuid, uuid, uuid, jsonb
) is
'Writes what people are to be told; where its subject stands already it is counted there. A model type that replays the past tells nobody.';

create function private.note_end(p_subject text, p_facts jsonb default '{}') returns void
language sql
set search_path = ''
as $$
    update public.ml_notifications set
        resolved_at = pg_catalog.clock_timestamp(), data = data || p_facts, to_plan = true
    where subject = p_subject and resolved_at is null
$$;
comment on function private.note_end(text, jsonb) is
'Says that a subject does not stand any more, and what there is to say of that.';

create function private.note_alert() returns trigger
language plpgsql
set search_path = ''
as $$
declare
    v_event constant text := case new.kind
        when 'performance_degradation' then 'degradation'
        when 'data_quality' then 'data_quality'
        when 'training_failure' then 'training_failed'
        else 'deployment_failed'
    end;
    v_job public.ml_training_jobs;
    v_facts jsonb := '{}';
begin
    if new.status = 'resolved' then
        perform private.note_end(
            'alert:' || new.id,
            -- Nobody knows yet how the model predicts that came in its place.
            pg_catalog.jsonb_build_object('replaced', exists (
                select from public.ml_model_deployments as d
                where d.id = (new.details ->> 'deployment_id')::uuid and d.status <> 'active'
            ))
        );
        return null;
    end if;
    if tg_op = 'UPDATE' and new.occurrences = old.occurrences then
        return null;
    end if;
    select j.* into v_job from public.ml_training_jobs as j
    where j.id = coalesce(
        (new.details ->> 'job_id')::uuid,
        -- The job that could not deploy what it had trained.
        case when new.kind = 'deployment_issue' then (
            select m.training_job_id from public.ml_models as m
            where m.id = (new.details ->> 'model_id')::uuid
        ) end
    );
    if found then
        v_facts := pg_catalog.jsonb_build_object(
            'trigger', v_job.trigger, 'requested_by', v_job.requested_by ->> 'name',
            'attempts', v_job.attempt
        );
    end if;
    -- A job that was asked for in silence: who asked tells how it ended.
    if v_event <> 'degradation' and not coalesce(v_job.notify, true) then
        return null;
    end if;
    perform private.note_event(
        v_event, new.severity, new.model_type, new.environment, 'alert:' || new.id, v_job.id,
        (
            select d.id from public.ml_model_deployments as d
            where d.id = (new.details ->> 'deployment_id')::uuid
        ),
        new.id,
        v_facts || new.details || pg_catalog.jsonb_build_object(
            'kind', new.kind, 'message', new.message
        )
    );
    return null;
end
$$;
comment on function private.note_alert() is
'An alert that opens, is seen again or ends is noted for those who are to be told.';

create trigger note_alert after insert or update of status, occurrences on public.ml_alerts
for each row execute function private.note_alert();

-- The figures of the check, so that nobody has to look for them to understand the alert.
create or replace function private.insert_check(
    p_check jsonb, p_environment public.ml_environment, p_job_id uuid, p_operation_id uuid,
    p_as_of timestamptz
) returns void
language plpgsql
set search_path = ''
as $$
declare
    v_type constant text := p_check ->> 'model_type';
begin
    if p_check ->> 'deployment_id' is null then
        return;
    end if;
    insert into public.ml_performance_metrics (
        model_type, environment, model_id, deployment_id, operation_id, training_job_id, as_of,
        window_start, window_end, metric, baseline, value, degradation, ci_low, ci_high,
        p_value, samples, threshold, verdict, needs_retraining, low_power, reason
    ) values (
        v_type, p_environment, (p_check ->> 'model_id')::uuid,
        (p_check ->> 'deployment_id')::uuid, p_operation_id, p_job_id, p_as_of,
        (p_check ->> 'window_start')::timestamptz, (p_check ->> 'window_end')::timestamptz,
        p_check ->> 'metric', (p_check ->> 'baseline')::double precision,
        (p_check ->> 'current')::double precision,
        (p_check ->> 'degradation')::double precision,
        (p_check -> 'confidence_interval' ->> 0)::double precision,
        (p_check -> 'confidence_interval' ->> 1)::double precision,
        (p_check ->> 'p_value')::double precision, (p_check ->> 'samples')::integer,
        (p_check ->> 'threshold')::double precision,
        (p_check ->> 'verdict')::public.ml_check_verdict,
        (p_check ->> 'needs_retraining')::boolean, (p_check ->> 'low_power')::boolean,
        p_check ->> 'reason'
    );
    -- The caller holds the model type's row lock. What is found out late about a deployment that
    -- serves no more says nothing about the one that does.
    if not exists (
        select from public.ml_model_deployments
        where id = (p_check ->> 'deployment_id')::uuid and status = 'active'
    ) then
        return;
    end if;
    if p_check ->> 'verdict' = 'degraded' then
        perform private.raise_alert(
            v_type, p_environment, 'performance_degradation', 'warning', p_check ->> 'reason',
            pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
                'baseline', p_check -> 'baseline', 'current', p_check -> 'current',
                'model_id', p_check -> 'model_id', 'deployment_id', p_check -> 'deployment_id',
                'metric', p_check -> 'metric', 'degradation', p_check -> 'degradation',
                'confidence_interval', p_check -> 'confidence_interval',
                'p_value', p_check -> 'p_value', 'samples', p_check -> 'samples',
                'threshold', p_check -> 'threshold', 'window_start', p_check -> 'window_start',
                'window_end', p_check -> 'window_end', 'job_id', p_job_id
            ))
        );
    elsif p_check ->> 'verdict' = 'healthy' then
        perform private.resolve_alert(v_type, p_environment, array['performance_degradation']);
    end if;
end
$$;

select private.set_function_class(f, 'internal')
from unnest(array[
    'private.note_event(text, text, text, public.ml_environment, text, uuid, uuid, uuid, jsonb)',
    'private.begin_again(text, text, text, public.ml_environment, text, uuid, uuid, uuid, jsonb)',
    'private.time_to_settle()', 'private.note_end(text, jsonb)', 'private.note_alert()'
]::regprocedure[]) as f;

select private.record_migration('20261124030120');
