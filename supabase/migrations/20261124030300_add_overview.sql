-- The dashboard's first page in one read: figures, a card for each model type, what wants a
-- person's eye, the newest jobs, and who works.
create function private.overview_checks(
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
                    'deployment_id', c.deployment_id
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
comment on function private.overview_checks(text, public.ml_environment, integer) is
'The last checks of a model type in an environment, oldest first, with what a line through them needs.';

create function private.overview_model_type(
    p_type public.ml_model_types, p_environment public.ml_environment
) returns jsonb
language sql stable
set search_path = ''
return pg_catalog.jsonb_build_object(
    'name', p_type.name, 'title', p_type.title, 'description', p_type.description,
    'enabled', p_type.enabled, 'metric', p_type.metric,
    'champion', (
        select
            pg_catalog.jsonb_build_object(
                'deployment_id', d.id, 'version', m.version, 'created_at', d.created_at,
                'reference', d.reference -> 'value'
            )
        from public.ml_model_deployments as d
        inner join public.ml_models as m on d.model_id = m.id
        where d.model_type = p_type.name and d.environment = p_environment and d.status = 'active'
    ),
    'checks', private.overview_checks(p_type.name, p_environment, 24),
    'latest_check', (
        select pg_catalog.to_jsonb(m)
        from public.ml_performance_metrics as m
        where m.model_type = p_type.name and m.environment = p_environment
        order by m.recorded_at desc, m.id desc
        limit 1
    ),
    'next_check_at', (
        select s.next_run_at
        from public.ml_retraining_schedules as s
        where
            s.model_type = p_type.name and s.environment = p_environment
            and s.kind = 'performance_check' and s.enabled and p_type.enabled
    ),
    'job', (
        select
            pg_catalog.jsonb_build_object(
                'id', j.id, 'status', j.status, 'stage', j.stage, 'progress', j.progress,
                'created_at', j.created_at, 'started_at', j.started_at
            )
        from public.ml_training_jobs as j
        where
            j.model_type = p_type.name and j.environment = p_environment
            and j.status in ('queued', 'running')
    )
);
comment on function private.overview_model_type(public.ml_model_types, public.ml_environment) is
'What the card of a model type shows.';

create function private.overview_jobs(
    p_environment public.ml_environment, p_limit integer
) returns jsonb
language sql stable
set search_path = ''
return (
    select
        coalesce(
            pg_catalog.jsonb_agg(
                private.training_job_json(j.job) - 'plan' - 'fingerprint'
                || pg_catalog.jsonb_build_object('title', t.title)
                order by (j.job).created_at desc, (j.job).id desc
            ), '[]'
        )
    from (
        select x as job
        from public.ml_training_jobs as x
        where x.environment = p_environment
        order by x.created_at desc, x.id desc
        limit p_limit
    ) as j
    inner join public.ml_model_types as t on (j.job).model_type = t.name
);
comment on function private.overview_jobs(public.ml_environment, integer) is
'The newest training jobs of an environment with the titles of their model types.';

create function private.is_unattended(p_alert public.ml_alerts) returns boolean
language sql stable
set search_path = ''
return
p_alert.status = 'open'
and not coalesce(p_alert.snoozed_until > pg_catalog.clock_timestamp(), false);
comment on function private.is_unattended(public.ml_alerts) is
'Whether nobody looks after an alert, nor will later.';

create function private.alert_urgency(p_alert public.ml_alerts) returns integer
language sql immutable
set search_path = ''
return case p_alert.severity when 'critical' then 2 when 'warning' then 1 else 0 end;
comment on function private.alert_urgency(public.ml_alerts) is
'How bad an alert is, as a number that sorts.';

create function private.overview_alerts(
    p_environment public.ml_environment, p_limit integer
) returns jsonb
language sql stable
set search_path = ''
return (
    select
        coalesce(
            pg_catalog.jsonb_agg(
                pg_catalog.to_jsonb(a.alert) || pg_catalog.jsonb_build_object(
                    'title', t.title,
                    'is_snoozed', coalesce(
                        (a.alert).snoozed_until > pg_catalog.clock_timestamp(), false
                    )
                )
                order by
                    private.is_unattended(a.alert) desc, private.alert_urgency(a.alert) desc,
                    (a.alert).created_at desc, (a.alert).id desc
            ), '[]'
        )
    from (
        select x as alert
        from public.ml_alerts as x
        where x.environment = p_environment and x.status <> 'resolved'
        order by
            private.is_unattended(x) desc, private.alert_urgency(x) desc, x.created_at desc,
            x.id desc
        limit p_limit
    ) as a
    inner join public.ml_model_types as t on (a.alert).model_type = t.name
);
comment on function private.overview_alerts(public.ml_environment, integer) is
'Alerts of an environment that stand, with the titles of their model types: first what nobody looks after, of that the worst, of these the newest.';

-- What stands is looked for among all that ever was.
create index ml_alerts_standing on public.ml_alerts (environment, created_at desc, id desc)
where status <> 'resolved';

create function private.overview_figures(p_environment public.ml_environment) returns jsonb
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
comment on function private.overview_figures(public.ml_environment) is
'Counts and rates of an environment: models, active work, improvement, alerts, who works.';

create function public.get_overview(
    p_environment public.ml_environment default 'production', p_limit integer default 12,
    p_offset integer default 0, p_actor jsonb default null
) returns jsonb
language plpgsql stable
set search_path = ''
as $$
begin
    perform private.require_role('viewer', p_actor);
    perform private.check_limit(p_limit);
    if p_offset is null or not p_offset between 0 and 1000000 then
        perform private.raise_error(
            422, 'invalid_request', 'offset must be between 0 and 1000000.'
        );
    end if;
    return private.overview_figures(p_environment) || pg_catalog.jsonb_build_object(
        'environment', p_environment,
        'jobs_of_30_days', public.get_training_job_stats(30, null, p_environment, p_actor),
        'model_type_count', (select pg_catalog.count(*) from public.ml_model_types),
        'model_types', (
            select coalesce(
                pg_catalog.jsonb_agg(
                    private.overview_model_type(t.row, p_environment) order by t.shown, t.name
                ), '[]'
            )
            from (
                select
                    x as row, x.name,
                    pg_catalog.lower(coalesce(nullif(x.title, ''), x.name)) as shown
                from public.ml_model_types as x
                order by shown, x.name
                limit p_limit offset p_offset
            ) as t
        ),
        'alerts', private.overview_alerts(p_environment, 20),
        'jobs', private.overview_jobs(p_environment, 10)
    );
end
$$;
comment on function public.get_overview(public.ml_environment, integer, integer, jsonb) is
'read, viewer: what the dashboard''s first page shows of an environment: figures, a page of model types by title, the standing alerts that matter most, and the newest jobs.';

select private.set_function_class(f, 'request')
from unnest(array[
    'private.overview_checks(text, public.ml_environment, integer)',
    'private.overview_model_type(public.ml_model_types, public.ml_environment)',
    'private.overview_jobs(public.ml_environment, integer)',
    'private.is_unattended(public.ml_alerts)',
    'private.alert_urgency(public.ml_alerts)',
    'private.overview_alerts(public.ml_environment, integer)',
    'private.overview_figures(public.ml_environment)'
]::regprocedure[]) as f;
select private.set_function_class(
    'public.get_overview(public.ml_environment, integer, integer, jsonb)', 'read'
);

select private.record_migration('20261124030300');
