-- What watching the active deployment has shown, ready to be drawn.
create function public.get_monitoring(
    p_model_type text, p_environment public.ml_environment default 'production',
    p_actor jsonb default null
) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
    v_deployment public.ml_model_deployments;
    v_checks bigint;
    v_points constant integer := 200;
    v_levels jsonb;
    v_estimates jsonb;
begin
    perform private.require_role('viewer', p_actor);
    perform private.get_model_type(p_model_type);
    select * into v_deployment from public.ml_model_deployments as d
    where d.model_type = p_model_type and d.environment = p_environment and d.status = 'active';
    select pg_catalog.count(*) into v_checks
    from public.ml_performance_metrics as m
    where m.model_type = p_model_type and m.environment = p_environment
        and m.recorded_at >= v_deployment.created_at and m.deployment_id = v_deployment.id;
    -- Of many checks the one with the highest level of each span: no peak may hide.
    with checks as materialized (
        select
            m.recorded_at, m.id, m.as_of, m.verdict, m.alarm, m.needs_retraining, m.sequential,
            m.estimate, m.value, m.samples,
            case
                when v_checks <= v_points then pg_catalog.row_number() over w
                else pg_catalog.ntile(v_points) over w
            end as span
        from public.ml_performance_metrics as m
        where m.model_type = p_model_type and m.environment = p_environment
            and m.recorded_at >= v_deployment.created_at and m.deployment_id = v_deployment.id
        window w as (order by m.recorded_at, m.id)
    ),
    levels as (
        select distinct on (k.span) k.*
        from checks as k
        where k.sequential is not null
        order by k.span, (k.sequential ->> 'level')::double precision desc, k.recorded_at desc
    ),
    estimates as (
        select distinct on (k.span) k.*
        from checks as k
        where k.estimate is not null
        order by
            k.span, (k.estimate ->> 'outside_band')::boolean desc nulls last,
            k.recorded_at desc
    )
    select
        (
            select pg_catalog.jsonb_agg(
                l.sequential || pg_catalog.jsonb_build_object(
                    'at', coalesce(l.as_of, l.recorded_at), 'verdict', l.verdict,
                    'alarm', l.alarm, 'needs_retraining', l.needs_retraining
                ) order by l.recorded_at, l.id
            ) from levels as l
        ),
        (
            select pg_catalog.jsonb_agg(
                e.estimate || pg_catalog.jsonb_build_object(
                    'at', coalesce(e.as_of, e.recorded_at), 'realised', e.value,
                    'realised_rows', e.samples
                ) order by e.recorded_at, e.id
            ) from estimates as e
        )
    into v_levels, v_estimates;
    return pg_catalog.jsonb_build_object(
        'deployment', case
            when v_deployment.id is not null then private.deployment_json(v_deployment)
        end,
        'latest_check', (
            select pg_catalog.to_jsonb(m)
            from public.ml_performance_metrics as m
            where m.model_type = p_model_type and m.environment = p_environment
                and m.recorded_at >= v_deployment.created_at
                and m.deployment_id = v_deployment.id
            order by m.recorded_at desc, m.id desc
            limit 1
        ),
        'drift', (
            select coalesce(
                pg_catalog.jsonb_agg(x.report order by x.window_end), '[]'
            )
            from (
                select
                    w.window_end,
                    w.report || pg_catalog.jsonb_build_object('recorded_at', w.recorded_at)
                        as report
                from private.drift_windows as w
                where w.deployment_id = v_deployment.id
                order by w.window_end desc
                limit 30
            ) as x
        ),
        'levels', coalesce(v_levels, '[]'),
        'estimates', coalesce(v_estimates, '[]'),
        'quality', (
            select pg_catalog.to_jsonb(q)
            from public.ml_training_data_quality as q
            where q.model_type = p_model_type
            order by q.recorded_at desc, q.id desc
            limit 1
        )
    );
end
$$;
comment on function public.get_monitoring(text, public.ml_environment, jsonb) is
'read, viewer: what watching the active deployment has shown: its newest check, the last 30 drift windows, the sequential test''s levels and the label-free estimates over time (200 points at most), and the newest data quality.';

select private.set_function_class(
    'public.get_monitoring(text, public.ml_environment, jsonb)'::regprocedure, 'read'
);

select private.record_migration('20261124160140');
