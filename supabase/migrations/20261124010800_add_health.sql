-- Who works: for whoever watches the functions or a container.
create view private.present_workers with (security_invoker = true) as
select w.* from private.workers as w
where w.last_seen_at > pg_catalog.clock_timestamp() - case w.kind
    when 'scheduler' then interval '90 seconds'
    else interval '30 seconds'
end;
comment on view private.present_workers is
'Workers and schedulers that were seen lately: a worker sweeps every few seconds, a scheduler may tick once a minute.';
revoke all on private.present_workers from public, anon, authenticated, service_role;
grant select on private.present_workers to authenticated, service_role;

create function private.get_health() returns jsonb
language sql stable security definer
set search_path = ''
return (
    select
        pg_catalog.jsonb_build_object(
            'workers', coalesce(
                pg_catalog.jsonb_agg(w.id order by w.id) filter (where w.kind = 'worker'), '[]'
            ),
            'schedulers', coalesce(
                pg_catalog.jsonb_agg(w.id order by w.id) filter (where w.kind = 'scheduler'), '[]'
            )
        )
    from private.present_workers as w
);
comment on function private.get_health() is 'See public.get_health.';

create function public.get_health() returns jsonb
language sql
set search_path = ''
return private.get_health();
comment on function public.get_health() is
'machinery: the names of the workers and schedulers that are present.';

select private.set_function_class(f, 'machinery')
from unnest(array['private.get_health()', 'public.get_health()']::regprocedure[]) as f;

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
            from private.present_workers as w
        )
    );
end
$$;

select private.record_migration('20261124010800');
