-- What a check's sentence was made from stands beside it: which way the metric is better, how its
-- differences are taken, why there is no verdict, and whether drift asks for a training. A job's
-- result holds the gate that its verdict comes from, with the figures of that.
alter table public.ml_performance_metrics add column figures jsonb not null default '{}';
comment on column public.ml_performance_metrics.figures is
'What reason was made from, beside the other columns: metric, label, higher_is_better, in_points, drift_stands; where there is no verdict, outcome. Empty: a worker of an earlier version wrote it.';

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
        sequential, maturity, estimate, figures
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
        nullif(p_check -> 'maturity', 'null'), nullif(p_check -> 'estimate', 'null'),
        coalesce(nullif(p_check -> 'figures', 'null'), '{}')
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
                'sequential', p_check -> 'sequential', 'figures', p_check -> 'figures'
            ))
        );
    elsif p_check ->> 'verdict' = 'healthy' then
        perform private.resolve_alert(v_type, p_environment, array['performance_degradation']);
    end if;
end
$$;

create function private.deciding_gate(p_validation public.ml_model_validations) returns jsonb
language sql stable
set search_path = ''
return (
    select g.gate #- '{figures,slices}'
    from pg_catalog.jsonb_array_elements(p_validation.gates) with ordinality as g (gate, place)
    where
        case
            when p_validation.verdict = 'approved' then g.gate ->> 'name' = 'better_than_champion'
            else
                not (g.gate ->> 'passed')::boolean
                and not coalesce((g.gate ->> 'dry_run')::boolean, false)
        end
    order by g.gate ->> 'detail' = p_validation.reason desc nulls last, g.place
    limit 1
);
comment on function private.deciding_gate(public.ml_model_validations) is
'The gate that a verdict comes from, without its slices; of an approved model its comparison.';

create or replace function private.finish_training(
    p_job public.ml_training_jobs, p_outcome jsonb
) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
    v_model public.ml_models;
    v_validation public.ml_model_validations;
    v_result jsonb;
    v_message text;
    v_name text;
begin
    v_model := private.insert_trained_model(p_job, p_outcome -> 'model');
    v_result := pg_catalog.jsonb_build_object(
        'model_id', v_model.id, 'model_version', v_model.version, 'deployed', false
    );
    if pg_catalog.jsonb_typeof(p_outcome -> 'validation') is distinct from 'object' then
        return v_result;
    end if;
    v_validation := private.insert_validation(
        v_model, p_job.environment, p_outcome -> 'validation', p_job.id, null, p_job.as_of
    );
    v_result := v_result || pg_catalog.jsonb_build_object(
        'validation_id', v_validation.id, 'verdict', v_validation.verdict,
        'auto_deployable', v_validation.auto_deployable,
        'improvement', v_validation.improvement, 'reason', v_validation.reason,
        'deciding_gate', private.deciding_gate(v_validation)
    );
    if not (p_job.auto_deploy and v_validation.auto_deployable) then
        return v_result;
    end if;
    -- The model and its judgement are kept when the swap is refused: only the swap is undone.
    begin
        v_result := v_result || pg_catalog.jsonb_build_object(
            'deployed', true,
            'deployment_id', private.deploy_model(
                v_model.id, p_job.environment,
                coalesce(
                    p_outcome -> 'validation' -> 'final_fit' ->> 'artifact_hash',
                    p_outcome -> 'model' ->> 'artifact_hash'
                ),
                false, v_validation.reason, p_job.as_of, p_job.requested_by
            ) ->> 'id'
        );
    exception
        when sqlstate 'PT409' then
            get stacked diagnostics v_message = message_text, v_name = pg_exception_detail;
            v_result := v_result || pg_catalog.jsonb_build_object(
                'deployment_error',
                pg_catalog.jsonb_build_object('type', v_name, 'detail', v_message)
            );
            perform private.raise_alert(
                p_job.model_type, p_job.environment, 'deployment_issue', 'warning', v_message,
                pg_catalog.jsonb_build_object('model_id', v_model.id, 'type', v_name)
            );
    end;
    return v_result;
end
$$;

create or replace function private.deployment_facts(p_id uuid) returns jsonb
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
            'samples', v.samples, 'gates', v.gates
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

create or replace function private.overview_checks(
    p_model_type text, p_environment public.ml_environment, p_limit integer
) returns jsonb
language sql stable
set search_path = ''
return (
    select
        coalesce(
            pg_catalog.jsonb_agg(
                pg_catalog.jsonb_build_object(
                    'recorded_at', c.recorded_at, 'metric', c.metric, 'value', c.value,
                    'baseline', c.baseline, 'threshold', c.threshold, 'verdict', c.verdict,
                    'figures', c.figures, 'deployment_id', c.deployment_id
                ) order by c.recorded_at, c.id
            ), '[]'
        )
    from (
        select m.*
        from public.ml_performance_metrics as m
        where m.model_type = p_model_type and m.environment = p_environment
        order by m.recorded_at desc, m.id desc
        limit p_limit
    ) as c
);

create or replace function private.overview_figures(p_environment public.ml_environment) returns jsonb
language sql stable
set search_path = ''
return pg_catalog.jsonb_build_object(
    'models', (
        -- Each model counts once: a quarantined one is nothing else.
        select
            pg_catalog.jsonb_build_object(
                'total', pg_catalog.count(*),
                'approved', pg_catalog.count(*) filter (
                    where m.status = 'approved' and m.quarantined_at is null
                ),
                'candidate', pg_catalog.count(*) filter (
                    where m.status = 'candidate' and m.quarantined_at is null
                ),
                'rejected', pg_catalog.count(*) filter (
                    where m.status = 'rejected' and m.quarantined_at is null
                ),
                'quarantined', pg_catalog.count(*) filter (where m.quarantined_at is not null)
            )
        from public.ml_models as m
    ),
    'serving', (
        select pg_catalog.count(*)
        from public.ml_model_deployments as d
        where d.environment = p_environment and d.status = 'active'
    ),
    'active', (
        select
            pg_catalog.jsonb_build_object(
                'running', pg_catalog.count(*) filter (where j.status = 'running'),
                'queued', pg_catalog.count(*) filter (where j.status = 'queued')
            )
        from public.ml_training_jobs as j
        where j.environment = p_environment and j.status in ('queued', 'running')
    ),
    'active_operations', (
        select pg_catalog.count(*)
        from public.ml_operations as o
        where o.environment = p_environment and o.status in ('queued', 'running')
    ),
    'improvement', (
        -- Points of one scale and shares of an error do not add up.
        select
            pg_catalog.jsonb_build_object(
                'deployments', pg_catalog.count(*),
                'points', pg_catalog.avg(r.improvement) filter (where r.is_in_points),
                'errors', pg_catalog.avg(r.improvement) filter (where not r.is_in_points)
            )
        from (
            select
                v.improvement,
                d.reference ->> 'metric' in ('accuracy', 'f1', 'roc_auc', 'r2') as is_in_points
            from public.ml_model_deployments as d
            inner join public.ml_model_validations as v on d.validation_id = v.id
            where
                d.environment = p_environment and d.rolled_back_from is null
                and v.champion_deployment_id is not null and v.improvement is not null
                and d.created_at > pg_catalog.now() - interval '30 days'
                -- Metrics of the user's own have scales of their own.
                and d.reference ->> 'metric' not like '%:%'
        ) as r
    ),
    'open_alerts', (
        select
            pg_catalog.jsonb_build_object(
                'total', pg_catalog.count(*),
                'unattended', pg_catalog.count(*) filter (where private.is_unattended(a))
            )
        from public.ml_alerts as a
        where a.environment = p_environment and a.status <> 'resolved'
    ),
    'workers', (
        select
            pg_catalog.jsonb_build_object(
                'worker', pg_catalog.count(*) filter (where w.kind = 'worker'),
                'scheduler', pg_catalog.count(*) filter (where w.kind = 'scheduler')
            )
        from private.present_workers as w
    )
);

create or replace function public.get_performance_series(
    p_model_type text, p_environment public.ml_environment default 'production',
    p_days integer default 30, p_points integer default 500, p_actor jsonb default null
) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
    v_type public.ml_model_types;
    -- To the next full hour, so that the same checks give the same series for a while.
    v_until timestamptz := pg_catalog.date_trunc('hour', pg_catalog.now()) + interval '1 hour';
    v_since timestamptz;
    v_recorded_since timestamptz;
    v_metric text;
    v_checks bigint;
    v_measured bigint;
    v_spans integer;
    v_start double precision;
    v_width double precision;
    v_points jsonb;
begin
    perform private.require_role('viewer', p_actor);
    perform private.check_series(p_days, p_points);
    v_type := private.get_model_type(p_model_type);
    -- What is replayed lives in a time of its own, which ends with its newest check.
    if v_type.replay then
        select coalesce(pg_catalog.max(coalesce(m.as_of, m.recorded_at)), v_until) into v_until
        from public.ml_performance_metrics as m
        where m.model_type = p_model_type and m.environment = p_environment;
    end if;
    v_since := v_until - p_days * interval '1 day';
    v_recorded_since := case when v_type.replay then timestamptz '-infinity' else v_since end;
    -- Values of two metrics do not belong on one line.
    select m.metric into v_metric
    from public.ml_performance_metrics as m
    where m.model_type = p_model_type and m.environment = p_environment
        and m.recorded_at >= v_recorded_since
    order by m.recorded_at desc, m.id desc
    limit 1;
    -- Two of each span; where all fit, all. In floating point, since there may be a million rows.
    v_spans := p_points / 2;
    v_start := extract(epoch from v_since)::double precision;
    v_width := p_days * 86400.0 / v_spans;
    with checks as materialized (
        select
            m.recorded_at, m.id,
            case when m.metric = v_metric then m.value end as value,
            least(pg_catalog.floor((
                extract(epoch from coalesce(m.as_of, m.recorded_at))::double precision - v_start
            ) / v_width)::integer, v_spans - 1) as span
        from public.ml_performance_metrics as m
        where m.model_type = p_model_type and m.environment = p_environment
            and m.recorded_at >= v_recorded_since
            and coalesce(m.as_of, m.recorded_at) between v_since and v_until
    ),
    counted as (
        select pg_catalog.count(*) as checks, pg_catalog.count(k.value) as measured
        from checks as k
    ),
    extremes as (
        select
            k.span,
            pg_catalog.min(k.value) as lowest,
            pg_catalog.max(k.value) as highest
        from checks as k
        where k.value is not null
        group by k.span
    ),
    chosen as (
        select k.recorded_at, k.id
        from checks as k
        where k.value is not null and (select n.measured from counted as n) <= p_points
        union all
        select x.recorded_at, x.id
        from (
            select distinct on (k.span, k.value) k.recorded_at, k.id
            from checks as k
            inner join extremes as e on k.span = e.span and k.value in (e.lowest, e.highest)
            where (select n.measured from counted as n) > p_points
            order by k.span, k.value, k.recorded_at desc
        ) as x
    ),
    drawn as (
        select pg_catalog.jsonb_agg(
            pg_catalog.jsonb_build_object(
                'at', coalesce(m.as_of, m.recorded_at), 'metric', m.metric, 'value', m.value,
                'baseline', m.baseline, 'degradation', m.degradation,
                'ci_low', m.ci_low, 'ci_high', m.ci_high, 'p_value', m.p_value,
                'samples', m.samples, 'threshold', m.threshold, 'verdict', m.verdict,
                'low_power', m.low_power, 'reason', m.reason, 'figures', m.figures,
                'version', v.version
            ) order by coalesce(m.as_of, m.recorded_at), m.recorded_at, m.id
        ) as points
        from chosen as c
        inner join public.ml_performance_metrics as m
            on c.recorded_at = m.recorded_at and c.id = m.id
        left join public.ml_models as v on m.model_id = v.id
    )
    select n.checks, n.measured, d.points into v_checks, v_measured, v_points
    from counted as n
    cross join drawn as d;
    return pg_catalog.jsonb_build_object(
        'metric', v_metric, 'since', v_since, 'until', v_until, 'checks', v_checks,
        'measured', v_measured, 'points', coalesce(v_points, '[]')
    );
end
$$;

select private.set_function_class(
    'private.deciding_gate(public.ml_model_validations)'::regprocedure, 'internal'
);

select private.record_migration('20261124190110');
