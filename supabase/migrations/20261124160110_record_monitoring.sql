-- What a check found out beside the metric, and what one drift check saw of a window of rows.
alter table public.ml_performance_metrics
add column alarm boolean not null default false,
add column sequential jsonb,
add column maturity jsonb,
add column estimate jsonb;
comment on column public.ml_performance_metrics.alarm is
'Whether the champion has surely got worse; needs_retraining may be true without it.';
comment on column public.ml_performance_metrics.sequential is
'The level of the sequential test after this check, and what it is held against; null where the reference is too small for one.';
comment on column public.ml_performance_metrics.maturity is
'Whether the labels speak for all rows, or only for those that were labelled early.';
comment on column public.ml_performance_metrics.estimate is
'What the metric probably is on rows without labels; null where none was made.';

create table private.drift_windows (
    deployment_id uuid not null references public.ml_model_deployments (id) on delete cascade,
    model_type text not null,
    environment public.ml_environment not null,
    window_start timestamptz not null,
    window_end timestamptz not null,
    row_count integer not null,
    alarm boolean not null,
    starts_training boolean not null,
    report jsonb not null,
    recorded_at timestamptz not null default pg_catalog.clock_timestamp(),
    primary key (deployment_id, window_end),
    constraint drift_windows_is_ordered check (window_start < window_end)
);
comment on table private.drift_windows is
'Windows of rows against what the champion learnt from, column by column; kept as long as the metrics.';
create index drift_windows_by_age on private.drift_windows (recorded_at);
alter table private.drift_windows enable row level security;
revoke all on private.drift_windows from public, anon, authenticated, service_role;
create policy "ML viewers can read drift windows" on private.drift_windows
for select to authenticated using ((select private.has_ml_role('viewer')));
grant select on private.drift_windows to authenticated, service_role;

create function private.keep_monitor_state(p_deployment_id uuid, p_monitor jsonb) returns boolean
language plpgsql
set search_path = ''
as $$
declare
    v_revision constant integer := (p_monitor ->> 'revision_read')::integer;
    v_seen_until constant timestamptz := (p_monitor ->> 'seen_until')::timestamptz;
begin
    if v_revision is null then
        insert into private.detector_state (deployment_id, seen_until, state)
        values (p_deployment_id, v_seen_until, p_monitor -> 'state')
        on conflict (deployment_id) do nothing;
    else
        update private.detector_state set
            revision = revision + 1, seen_until = v_seen_until, state = p_monitor -> 'state',
            updated_at = pg_catalog.clock_timestamp()
        where deployment_id = p_deployment_id and revision = v_revision
            and seen_until <= v_seen_until;
    end if;
    return found;
end
$$;
comment on function private.keep_monitor_state(uuid, jsonb) is
'Keeps what a check has left behind, unless another check came first or had seen later labels; returns whether it was kept.';

create or replace function private.insert_check(
    p_check jsonb, p_environment public.ml_environment, p_job_id uuid, p_operation_id uuid,
    p_as_of timestamptz
) returns void
language plpgsql
set search_path = ''
as $$
declare
    v_type constant text := p_check ->> 'model_type';
    v_deployment_id constant uuid := (p_check ->> 'deployment_id')::uuid;
    v_drift constant jsonb := nullif(p_check -> 'drift', 'null');
    -- A worker of an earlier version knows no alarm apart from its verdict.
    v_alarm constant boolean := coalesce(
        (p_check ->> 'alarm')::boolean, p_check ->> 'verdict' = 'degraded'
    );
    v_is_kept boolean := false;
begin
    if v_deployment_id is null then
        return;
    end if;
    insert into public.ml_performance_metrics (
        model_type, environment, model_id, deployment_id, operation_id, training_job_id, as_of,
        window_start, window_end, metric, baseline, value, degradation, ci_low, ci_high,
        p_value, samples, threshold, verdict, needs_retraining, low_power, reason, alarm,
        sequential, maturity, estimate
    ) values (
        v_type, p_environment, (p_check ->> 'model_id')::uuid, v_deployment_id, p_operation_id,
        p_job_id, p_as_of, (p_check ->> 'window_start')::timestamptz,
        (p_check ->> 'window_end')::timestamptz, p_check ->> 'metric',
        (p_check ->> 'baseline')::double precision, (p_check ->> 'current')::double precision,
        (p_check ->> 'degradation')::double precision,
        (p_check -> 'confidence_interval' ->> 0)::double precision,
        (p_check -> 'confidence_interval' ->> 1)::double precision,
        (p_check ->> 'p_value')::double precision, (p_check ->> 'samples')::integer,
        (p_check ->> 'threshold')::double precision,
        (p_check ->> 'verdict')::public.ml_check_verdict,
        (p_check ->> 'needs_retraining')::boolean, (p_check ->> 'low_power')::boolean,
        p_check ->> 'reason', v_alarm, nullif(p_check -> 'sequential', 'null'),
        nullif(p_check -> 'maturity', 'null'), nullif(p_check -> 'estimate', 'null')
    );
    -- The caller holds the model type's row lock. What is found out late about a deployment that
    -- serves no more says nothing about the one that does; nor does the answer to a question with
    -- a threshold or window of its own, or about a time before the last check.
    if not coalesce((p_check ->> 'counts')::boolean, true) or not exists (
        select from public.ml_model_deployments where id = v_deployment_id and status = 'active'
    ) then
        return;
    end if;
    if pg_catalog.jsonb_typeof(p_check -> 'monitor') = 'object' then
        v_is_kept := private.keep_monitor_state(v_deployment_id, p_check -> 'monitor');
    end if;
    -- A window counts once: with the state that has it behind.
    if v_is_kept and v_drift is not null then
        insert into private.drift_windows (
            deployment_id, model_type, environment, window_start, window_end, row_count, alarm,
            starts_training, report
        ) values (
            v_deployment_id, v_type, p_environment, (v_drift ->> 'window_start')::timestamptz,
            (v_drift ->> 'window_end')::timestamptz, (v_drift ->> 'rows')::integer,
            (v_drift ->> 'alarm')::boolean, (v_drift ->> 'starts_training')::boolean, v_drift
        )
        on conflict (deployment_id, window_end) do nothing;
    end if;
    if v_alarm then
        perform private.raise_alert(
            v_type, p_environment, 'performance_degradation', 'warning', p_check ->> 'reason',
            pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
                'baseline', p_check -> 'baseline', 'current', p_check -> 'current',
                'model_id', p_check -> 'model_id', 'deployment_id', p_check -> 'deployment_id',
                'metric', p_check -> 'metric', 'degradation', p_check -> 'degradation',
                'confidence_interval', p_check -> 'confidence_interval',
                'p_value', p_check -> 'p_value', 'samples', p_check -> 'samples',
                'threshold', p_check -> 'threshold', 'window_start', p_check -> 'window_start',
                'window_end', p_check -> 'window_end', 'job_id', p_job_id,
                'sequential', p_check -> 'sequential'
            ))
        );
    elsif p_check ->> 'verdict' = 'healthy' then
        perform private.resolve_alert(v_type, p_environment, array['performance_degradation']);
    end if;
end
$$;
comment on function private.insert_check(
    jsonb, public.ml_environment, uuid, uuid, timestamptz
) is
'Writes a check''s metric, and where it counts and the champion still serves keeps what it has left behind and opens or closes the alert that follows from it.';

create or replace function private.finish_training_job(
    p_id uuid, p_lease_token uuid, p_outcome jsonb
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    v_job public.ml_training_jobs := private.hold_training_job(p_id, p_lease_token);
    v_status constant public.ml_job_status := p_outcome ->> 'status';
    v_check jsonb := p_outcome -> 'check';
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
        -- An attempt that was made starts the count anew: it takes the place of what the check
        -- left behind, so that a job leaves one state.
        if v_status in ('succeeded', 'failed')
            and pg_catalog.jsonb_typeof(p_outcome -> 'monitor') = 'object'
        then
            v_check := v_check || pg_catalog.jsonb_build_object('monitor', p_outcome -> 'monitor');
        end if;
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

select private.set_function_class(
    'private.keep_monitor_state(uuid, jsonb)'::regprocedure, 'internal'
);

select private.record_migration('20261124160110');
