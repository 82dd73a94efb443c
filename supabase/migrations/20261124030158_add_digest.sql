-- The week in figures, for people who do not look every day.
create index ml_training_jobs_by_end on public.ml_training_jobs (model_type, finished_at)
where finished_at is not null;

create function private.digest_of(
    p_type public.ml_model_types, p_environment public.ml_environment, p_since timestamptz,
    p_until timestamptz
) returns jsonb
language sql stable
set search_path = ''
as $$
    with checks as (
        select m.metric, m.baseline, m.value, m.verdict, m.recorded_at
        from public.ml_performance_metrics as m
        where m.model_type = p_type.name and m.environment = p_environment
            and m.recorded_at >= p_since and m.recorded_at < p_until
    ), jobs as (
        select j.status, j.training_begun_at
        from public.ml_training_jobs as j
        where j.model_type = p_type.name and j.environment = p_environment
            and j.finished_at >= p_since and j.finished_at < p_until
    ), deployments as (
        select d.rolled_back_from, d.status, v.improvement, v.champion_deployment_id
        from public.ml_model_deployments as d
        left join public.ml_model_validations as v on d.validation_id = v.id
        where d.model_type = p_type.name and d.environment = p_environment
            and d.created_at >= p_since and d.created_at < p_until
    )
    select pg_catalog.jsonb_build_object(
        'model_type', p_type.name, 'title', coalesce(nullif(p_type.title, ''), p_type.name),
        'metric', p_type.metric,
        'checked', (select pg_catalog.count(*) from checks),
        'degraded', (select pg_catalog.count(*) from checks as c where c.verdict = 'degraded'),
        'before', (
            select c.value from checks as c
            where c.value is not null
            order by c.recorded_at limit 1
        ),
        'after', (
            select c.value from checks as c
            where c.value is not null
            order by c.recorded_at desc limit 1
        ),
        'retrained', (select pg_catalog.count(*) from jobs as j where j.status = 'succeeded'),
        'failed', (select pg_catalog.count(*) from jobs as j where j.status = 'failed'),
        'deployed', (
            select pg_catalog.count(*) from deployments as d where d.rolled_back_from is null
        ),
        'rolled_back', (
            select pg_catalog.count(*) from deployments as d where d.rolled_back_from is not null
        ),
        'rejected', (
            select pg_catalog.count(*)
            from public.ml_model_validations as v
            where v.model_type = p_type.name and v.environment = p_environment
                and v.verdict = 'rejected'
                and v.created_at >= p_since and v.created_at < p_until
        ),
        -- What replaced nothing has improved nothing, and what was taken back neither.
        'mean_improvement', (
            select pg_catalog.avg(d.improvement)
            from deployments as d
            where d.rolled_back_from is null and d.status <> 'rolled_back'
                and d.champion_deployment_id is not null
        ),
        'open_alerts', (
            select pg_catalog.count(*)
            from public.ml_alerts as a
            where a.model_type = p_type.name and a.environment = p_environment
                and a.status <> 'resolved'
        )
    )
$$;
comment on function private.digest_of(
    public.ml_model_types, public.ml_environment, timestamptz, timestamptz
) is
'What happened to one model type in a time.';

create function public.get_digest(
    p_since timestamptz, p_until timestamptz,
    p_environment public.ml_environment default 'production', p_actor jsonb default null
) returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
    v_items jsonb;
begin
    perform private.require_role('viewer', p_actor);
    if p_since is null or p_until is null or p_since >= p_until then
        perform private.raise_error(422, 'invalid_request', 'since must be before until.');
    end if;
    select pg_catalog.jsonb_agg(
        private.digest_of(t, p_environment, p_since, p_until) order by t.name
    ) into v_items
    from public.ml_model_types as t
    where t.enabled and not t.replay;
    v_items := coalesce(v_items, '[]');
    return pg_catalog.jsonb_build_object(
        'since', p_since, 'until', p_until, 'environment', p_environment, 'items', v_items,
        'totals', (
            select pg_catalog.jsonb_build_object(
                'model_types', pg_catalog.count(*),
                'checked', coalesce(pg_catalog.sum(i.checked), 0),
                'degraded', coalesce(pg_catalog.sum(i.degraded), 0),
                'retrained', coalesce(pg_catalog.sum(i.retrained), 0),
                'deployed', coalesce(pg_catalog.sum(i.deployed), 0),
                'rejected', coalesce(pg_catalog.sum(i.rejected), 0),
                'failed', coalesce(pg_catalog.sum(i.failed), 0),
                'rolled_back', coalesce(pg_catalog.sum(i.rolled_back), 0),
                'open_alerts', coalesce(pg_catalog.sum(i.open_alerts), 0),
                'gained', pg_catalog.count(*) filter (where i.mean_improvement > 0)
            )
            from pg_catalog.jsonb_to_recordset(v_items) as i (
                checked bigint, degraded bigint, retrained bigint, deployed bigint,
                rejected bigint, failed bigint, rolled_back bigint, open_alerts bigint,
                mean_improvement double precision
            )
        )
    );
end
$$;
comment on function public.get_digest(
    timestamptz, timestamptz, public.ml_environment, jsonb
) is
'read, viewer: what happened in a time to each model type that serves the present: checked, retrained, deployed, rejected, failed, rolled back and gained, with the metric before and after.';

create function private.write_digest(
    p_environment public.ml_environment, p_due_at timestamptz
) returns boolean
language plpgsql security definer
set search_path = ''
as $$
declare
    v_told_until timestamptz;
    v_digest jsonb;
begin
    -- The first time there is no week to tell of: it begins now.
    insert into private.digests (environment, told_until) values (p_environment, p_due_at)
    on conflict (environment) do nothing;
    select told_until into v_told_until from private.digests
    where environment = p_environment and told_until < p_due_at
    for update;
    if not found then
        return false;
    end if;
    update private.digests set told_until = p_due_at where environment = p_environment;
    v_digest := public.get_digest(v_told_until, p_due_at, p_environment, null);
    if v_digest -> 'items' = '[]' then
        return false;
    end if;
    perform private.note_event(
        'digest', 'info', null, p_environment, null, null, null, null, v_digest
    );
    return true;
end
$$;
comment on function private.write_digest(public.ml_environment, timestamptz) is
'See public.write_digest.';

create function public.write_digest(
    p_environment public.ml_environment, p_due_at timestamptz
) returns boolean
language sql
set search_path = ''
return private.write_digest(p_environment, p_due_at);
comment on function public.write_digest(public.ml_environment, timestamptz) is
'machinery: writes the digest that was due at a time, from where the last one ended; once however often it is asked for. False: there was none to write.';

select private.set_function_class(f, 'read')
from unnest(array[
    'private.digest_of(public.ml_model_types, public.ml_environment, timestamptz, timestamptz)',
    'public.get_digest(timestamptz, timestamptz, public.ml_environment, jsonb)'
]::regprocedure[]) as f;

select private.set_function_class(f, 'machinery')
from unnest(array[
    'private.write_digest(public.ml_environment, timestamptz)',
    'public.write_digest(public.ml_environment, timestamptz)'
]::regprocedure[]) as f;

select private.record_migration('20261124030158');
