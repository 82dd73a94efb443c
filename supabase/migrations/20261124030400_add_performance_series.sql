-- A metric over time, thin enough to draw: of many checks the lowest and the highest of each span.
create function private.check_series(p_days integer, p_points integer) returns void
language plpgsql stable
set search_path = ''
as $$
begin
    if p_days is null or not p_days between 1 and 3650 then
        perform private.raise_error(422, 'invalid_request', 'days must be between 1 and 3650.');
    end if;
    if p_points is null or not p_points between 10 and 50000 then
        perform private.raise_error(
            422, 'invalid_request', 'points must be between 10 and 50000.'
        );
    end if;
end
$$;
comment on function private.check_series(integer, integer) is
'A 422 for a series that is too long or too fine.';

create function public.get_performance_series(
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
                'low_power', m.low_power, 'reason', m.reason, 'version', v.version
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
comment on function public.get_performance_series(
    text, public.ml_environment, integer, integer, jsonb
) is
'read, viewer: the champions'' metric over the last days, oldest first, in at most so many points; of a replayed model type, up to its newest check.';

create function public.get_quality_series(
    p_model_type text, p_days integer default 30, p_points integer default 500,
    p_actor jsonb default null
) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
    v_type public.ml_model_types;
    -- To the next full hour, so that the same checks give the same series for a while.
    v_until timestamptz := pg_catalog.date_trunc('hour', pg_catalog.now()) + interval '1 hour';
    v_since timestamptz;
    v_assessed bigint;
    v_points jsonb;
begin
    perform private.require_role('viewer', p_actor);
    perform private.check_series(p_days, p_points);
    v_type := private.get_model_type(p_model_type);
    if v_type.replay then
        select coalesce(pg_catalog.max(coalesce(q.as_of, q.recorded_at)), v_until) into v_until
        from public.ml_training_data_quality as q
        where q.model_type = p_model_type;
    end if;
    v_since := v_until - p_days * interval '1 day';
    select pg_catalog.count(*) into v_assessed
    from public.ml_training_data_quality as q
    where q.model_type = p_model_type
        and (v_type.replay or q.recorded_at >= v_since)
        and coalesce(q.as_of, q.recorded_at) between v_since and v_until;
    with assessed as (
        select
            q.id, q.training_job_id, q.score, q.row_count, q.missing_share, q.duplicate_rows,
            pg_catalog.jsonb_array_length(q.findings) as findings,
            coalesce(q.as_of, q.recorded_at) as at,
            -- Of many the worst of each span: a day of bad data must not hide among good ones.
            case
                when v_assessed <= p_points then pg_catalog.row_number() over (order by q.id)
                else pg_catalog.width_bucket(
                    extract(epoch from coalesce(q.as_of, q.recorded_at)),
                    extract(epoch from v_since), extract(epoch from v_until), p_points - 1
                )
            end as span
        from public.ml_training_data_quality as q
        where q.model_type = p_model_type
            and (v_type.replay or q.recorded_at >= v_since)
            and coalesce(q.as_of, q.recorded_at) between v_since and v_until
    )
    select pg_catalog.jsonb_agg(pg_catalog.to_jsonb(x) - 'span' order by x.at, x.id) into v_points
    from (
        select distinct on (a.span) a.* from assessed as a order by a.span, a.score, a.at desc
    ) as x;
    return pg_catalog.jsonb_build_object(
        'since', v_since, 'until', v_until, 'assessed', v_assessed,
        'points', coalesce(v_points, '[]'),
        'newest', (
            select pg_catalog.to_jsonb(q)
            from public.ml_training_data_quality as q
            where q.model_type = p_model_type
            order by q.recorded_at desc, q.id desc
            limit 1
        )
    );
end
$$;
comment on function public.get_quality_series(text, integer, integer, jsonb) is
'read, viewer: how fit the training data was over the last days, oldest first, in at most so many points, and the newest assessment with its findings.';

select private.set_function_class(f, 'read')
from unnest(array[
    'private.check_series(integer, integer)',
    'public.get_performance_series(text, public.ml_environment, integer, integer, jsonb)',
    'public.get_quality_series(text, integer, integer, jsonb)'
]::regprocedure[]) as f;

select private.record_migration('20261124030400');
