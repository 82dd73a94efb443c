-- Figures over many rows: the dashboard's numbers and the spec's two summary functions.
create function public.get_model_performance_summary(
    p_days integer default 30, p_model_type text default null,
    p_environment public.ml_environment default 'production', p_actor jsonb default null
) returns jsonb
language plpgsql stable
set search_path = ''
as $$
begin
    perform private.require_role('viewer', p_actor);
    return coalesce(
        (
            select pg_catalog.jsonb_agg(pg_catalog.to_jsonb(x) order by x.model_type)
            from (
                select
                    m.model_type,
                    pg_catalog.count(*) as checks,
                    pg_catalog.count(*) filter (where m.verdict = 'degraded') as degraded_checks,
                    pg_catalog.avg(m.value) as average_value,
                    pg_catalog.min(m.value) as lowest_value,
                    pg_catalog.max(m.value) as highest_value,
                    pg_catalog.sum(m.samples) as samples,
                    pg_catalog.max(m.recorded_at) as last_checked_at,
                    (
                        select pg_catalog.jsonb_build_object(
                            'metric', l.metric, 'value', l.value, 'baseline', l.baseline,
                            'degradation', l.degradation, 'verdict', l.verdict,
                            'recorded_at', l.recorded_at
                        )
                        from public.ml_performance_metrics as l
                        where l.model_type = m.model_type and l.environment = p_environment
                            and l.recorded_at > pg_catalog.now() - p_days * interval '1 day'
                        order by l.recorded_at desc, l.id desc
                        limit 1
                    ) as latest
                from public.ml_performance_metrics as m
                where m.recorded_at > pg_catalog.now() - p_days * interval '1 day'
                    and m.environment = p_environment
                    and (p_model_type is null or m.model_type = p_model_type)
                group by m.model_type
            ) as x
        ), '[]'
    );
end
$$;
comment on function public.get_model_performance_summary(
    integer, text, public.ml_environment, jsonb
) is
'read, viewer: per model type the checks of the last days: how many, the metric''s spread, the newest.';

create function public.get_training_job_stats(
    p_days integer default 30, p_model_type text default null,
    p_environment public.ml_environment default null, p_actor jsonb default null
) returns jsonb
language plpgsql stable
set search_path = ''
as $$
begin
    perform private.require_role('viewer', p_actor);
    return (
        select pg_catalog.jsonb_build_object(
            'total', pg_catalog.count(*),
            'queued', pg_catalog.count(*) filter (where j.status = 'queued'),
            'running', pg_catalog.count(*) filter (where j.status = 'running'),
            'succeeded', pg_catalog.count(*) filter (where j.status = 'succeeded'),
            'failed', pg_catalog.count(*) filter (where j.status = 'failed'),
            'cancelled', pg_catalog.count(*) filter (where j.status = 'cancelled'),
            'skipped', pg_catalog.count(*) filter (where j.status = 'skipped'),
            'success_rate', pg_catalog.round(
                pg_catalog.count(*) filter (where j.status = 'succeeded')::numeric
                / nullif(pg_catalog.count(*) filter (where j.status in ('succeeded', 'failed')), 0),
                4
            ),
            'average_seconds', pg_catalog.avg(
                extract(epoch from j.finished_at - j.started_at)
            ) filter (where j.status = 'succeeded'),
            'last_finished_at', pg_catalog.max(j.finished_at)
        )
        from public.ml_training_jobs as j
        where j.created_at > pg_catalog.now() - p_days * interval '1 day'
            and (p_model_type is null or j.model_type = p_model_type)
            and (p_environment is null or j.environment = p_environment)
    );
end
$$;
comment on function public.get_training_job_stats(
    integer, text, public.ml_environment, jsonb
) is
'read, viewer: training jobs of the last days by status; the success rate leaves out skipped and cancelled.';

create function public.get_status(
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
            where s.environment = p_environment and s.enabled
        ),
        'open_alerts', (
            select coalesce(
                pg_catalog.jsonb_agg(
                    pg_catalog.jsonb_build_object(
                        'id', a.id, 'model_type', a.model_type, 'kind', a.kind,
                        'severity', a.severity, 'status', a.status, 'message', a.message,
                        'occurrences', a.occurrences, 'created_at', a.created_at,
                        'last_seen_at', a.last_seen_at
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
            from private.workers as w
            where w.last_seen_at > pg_catalog.clock_timestamp() - interval '30 seconds'
        )
    );
end
$$;
comment on function public.get_status(public.ml_environment, jsonb) is
'read, viewer: everything that the overview shows, of one environment.';

select private.set_function_class(f, 'read')
from unnest(array[
    'public.get_model_performance_summary(integer, text, public.ml_environment, jsonb)',
    'public.get_training_job_stats(integer, text, public.ml_environment, jsonb)',
    'public.get_status(public.ml_environment, jsonb)'
]::regprocedure[]) as f;

select private.record_migration('20261124002300');
