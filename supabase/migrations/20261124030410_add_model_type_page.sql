-- One model type as people look at it: its versions, how each was judged, and where they served.
create function private.earlier_deployment(
    p_model_type text, p_environment public.ml_environment
) returns public.ml_model_deployments
language sql stable
set search_path = ''
return (
    select d
    from public.ml_model_deployments as d
    inner join public.ml_models as m on d.model_id = m.id
    where
        d.model_type = p_model_type and d.environment = p_environment
        and d.status <> 'active' and m.quarantined_at is null
        and d.model_id <> (
            select c.model_id
            from public.ml_model_deployments as c
            where
                c.model_type = p_model_type and c.environment = p_environment
                and c.status = 'active'
        )
    order by d.created_at desc, d.id desc
    limit 1
);
comment on function private.earlier_deployment(text, public.ml_environment) is
'The deployment that public.rollback_model would go back to; null where there is none.';

create function private.deployment_standing(
    p_model public.ml_models, p_champion public.ml_model_deployments,
    p_validation public.ml_model_validations
) returns text
language sql stable
set search_path = ''
return case
    when p_model.id = p_champion.model_id then 'serving'
    when p_model.quarantined_at is not null then 'quarantined'
    when p_validation.id is null then 'not_validated'
    when p_validation.verdict <> 'approved' then 'not_approved'
    when p_validation.champion_deployment_id is distinct from p_champion.id then 'stale'
    else 'deployable'
end;
comment on function private.deployment_standing(
    public.ml_models, public.ml_model_deployments, public.ml_model_validations
) is
'Whether a model may be deployed, and else why not, as private.check_deployable decides it.';

create function private.version_json(
    p_model public.ml_models, p_environment public.ml_environment
) returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
    v_champion public.ml_model_deployments;
    v_validation public.ml_model_validations;
begin
    select * into v_champion from public.ml_model_deployments as d
    where d.model_type = p_model.model_type and d.environment = p_environment
        and d.status = 'active';
    select * into v_validation from public.ml_model_validations as v
    where v.model_id = p_model.id and v.environment = p_environment
    order by v.created_at desc, v.id desc
    limit 1;
    return pg_catalog.jsonb_build_object(
        'id', p_model.id, 'version', p_model.version, 'status', p_model.status,
        'engine', p_model.engine, 'metrics', p_model.metrics,
        'training_job_id', p_model.training_job_id, 'created_at', p_model.created_at,
        'window_start', p_model.window_start, 'window_end', p_model.window_end,
        'train_rows', p_model.plan -> 'train_rows', 'final_fit', p_model.final_fit,
        'quarantined_at', p_model.quarantined_at,
        'quarantine_reason', p_model.quarantine_reason,
        'standing', private.deployment_standing(p_model, v_champion, v_validation),
        'validation', case
            when v_validation.id is not null then private.validation_json(v_validation) - 'gates'
        end
    );
end
$$;
comment on function private.version_json(public.ml_models, public.ml_environment) is
'A trained version as JSON, with its newest validation in an environment and whether it may be deployed there.';

create function public.list_model_versions(
    p_model_type text, p_environment public.ml_environment default 'production',
    p_limit integer default 50, p_cursor text default null, p_actor jsonb default null
) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
    v_rows jsonb;
begin
    perform private.require_role('viewer', p_actor);
    perform private.check_limit(p_limit);
    perform private.get_model_type(p_model_type);
    select pg_catalog.jsonb_agg(
        private.version_json(x.model, p_environment)
        order by (x.model).created_at desc, (x.model).id desc
    ) into v_rows
    from (
        select m as model
        from public.ml_models as m
        where m.model_type = p_model_type
            and (p_cursor is null or (m.created_at, m.id)
                < (private.cursor_time(p_cursor), private.cursor_id(p_cursor)::uuid))
        order by m.created_at desc, m.id desc
        limit p_limit + 1
    ) as x;
    return private.page(v_rows, p_limit, 'created_at');
end
$$;
comment on function public.list_model_versions(
    text, public.ml_environment, integer, text, jsonb
) is
'read, viewer: trained versions of a model type, newest first, each with its newest validation in an environment and whether it may be deployed there.';

create function public.get_model_comparison(
    p_model_id uuid, p_environment public.ml_environment default 'production',
    p_actor jsonb default null
) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
    v_model public.ml_models;
    v_validation public.ml_model_validations;
begin
    perform private.require_role('viewer', p_actor);
    select * into v_model from public.ml_models where id = p_model_id;
    if not found then
        perform private.raise_error(
            404, 'not_found', pg_catalog.format('There is no model %s.', p_model_id)
        );
    end if;
    select * into v_validation from public.ml_model_validations as v
    where v.model_id = p_model_id and v.environment = p_environment
    order by v.created_at desc, v.id desc
    limit 1;
    return pg_catalog.jsonb_build_object(
        'model', private.version_json(v_model, p_environment),
        'validation', case
            when v_validation.id is not null then private.validation_json(v_validation)
        end,
        'champion', (
            select private.version_json(m, p_environment)
            from public.ml_model_deployments as d
            inner join public.ml_models as m on d.model_id = m.id
            where d.id = v_validation.champion_deployment_id
        )
    );
end
$$;
comment on function public.get_model_comparison(uuid, public.ml_environment, jsonb) is
'read, viewer: a model''s newest validation in an environment, gate by gate, and the champion that it was compared with.';

create function private.deployments_page(
    p_model_type text, p_environment public.ml_environment, p_limit integer, p_cursor text
) returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
    v_rows jsonb;
begin
    perform private.check_limit(p_limit);
    select pg_catalog.jsonb_agg(
        private.deployment_json(x.deployment) || pg_catalog.jsonb_build_object(
            'quarantined_at', x.quarantined_at,
            'rolled_back_version', (
                select m.version
                from public.ml_model_deployments as f
                inner join public.ml_models as m on f.model_id = m.id
                where f.id = (x.deployment).rolled_back_from
            ),
            'validation', (
                select private.validation_json(v) - 'gates'
                from public.ml_model_validations as v
                where v.id = (x.deployment).validation_id
            )
        ) order by (x.deployment).created_at desc, (x.deployment).id desc
    ) into v_rows
    from (
        select d as deployment, m.quarantined_at
        from public.ml_model_deployments as d
        inner join public.ml_models as m on d.model_id = m.id
        where d.model_type = p_model_type and d.environment = p_environment
            and (p_cursor is null or (d.created_at, d.id)
                < (private.cursor_time(p_cursor), private.cursor_id(p_cursor)::uuid))
        order by d.created_at desc, d.id desc
        limit p_limit + 1
    ) as x;
    return private.page(v_rows, p_limit, 'created_at');
end
$$;
comment on function private.deployments_page(
    text, public.ml_environment, integer, text
) is
'Deployments of a model type, newest first, each with the validation and the rolled-back version behind it.';

create function private.active_work(
    p_model_type text, p_environment public.ml_environment
) returns jsonb
language sql stable
set search_path = ''
return pg_catalog.jsonb_build_object(
    'jobs', (
        select
            coalesce(
                pg_catalog.jsonb_agg(
                    pg_catalog.jsonb_build_object(
                        'id', j.id, 'status', j.status, 'stage', j.stage, 'progress', j.progress,
                        'created_at', j.created_at
                    ) order by j.created_at
                ), '[]'
            )
        from public.ml_training_jobs as j
        where
            j.model_type = p_model_type and j.environment = p_environment
            and j.status in ('queued', 'running')
    ),
    'operations', (
        select
            coalesce(
                pg_catalog.jsonb_agg(
                    pg_catalog.jsonb_build_object(
                        'id', o.id, 'kind', o.kind, 'status', o.status, 'created_at', o.created_at
                    ) order by o.created_at
                ), '[]'
            )
        from public.ml_operations as o
        where
            o.environment = p_environment and o.status in ('queued', 'running')
            and (
                o.parameters -> 'model_types' ? p_model_type
                or exists (
                    select from public.ml_models as m
                    where
                        o.parameters -> 'model_ids' ? m.id::text
                        and m.model_type = p_model_type
                )
            )
    ),
    'has_worker', exists (
        select from private.workers as w
        where
            w.kind = 'worker'
            and w.last_seen_at > pg_catalog.clock_timestamp() - interval '30 seconds'
    )
);
comment on function private.active_work(text, public.ml_environment) is
'Jobs and operations of a model type that wait or run, and whether a worker is there to carry them out.';

create function public.get_model_type_page(
    p_name text, p_environment public.ml_environment default 'production',
    p_days integer default 30, p_compare uuid default null,
    p_versions_cursor text default null, p_deployments_cursor text default null,
    p_limit integer default 10, p_actor jsonb default null
) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
    v_type public.ml_model_types;
    v_performance jsonb;
    v_versions jsonb;
    v_compared uuid := p_compare;
begin
    perform private.require_role('viewer', p_actor);
    v_type := private.get_model_type(p_name);
    v_performance := public.get_performance_series(p_name, p_environment, p_days, 500, p_actor);
    v_versions := public.list_model_versions(
        p_name, p_environment, p_limit, p_versions_cursor, p_actor
    );
    if p_compare is not null and not exists (
        select from public.ml_models as m where m.id = p_compare and m.model_type = p_name
    ) then
        perform private.raise_error(
            404, 'not_found', pg_catalog.format('%s has no model %s.', p_name, p_compare)
        );
    end if;
    -- Unless one is asked for, the newest that was judged.
    if p_compare is null then
        select (r.item ->> 'id')::uuid into v_compared
        from pg_catalog.jsonb_array_elements(v_versions -> 'items')
            with ordinality as r (item, position)
        where r.item -> 'validation' <> 'null'
        order by r.position
        limit 1;
    end if;
    return pg_catalog.jsonb_build_object(
        'model_type', private.model_type_json(v_type),
        'champion', (
            select private.deployment_json(d) || pg_catalog.jsonb_build_object(
                'engine', m.engine, 'trained_at', m.created_at, 'window_end', m.window_end,
                'training_job_id', m.training_job_id
            )
            from public.ml_model_deployments as d
            inner join public.ml_models as m on d.model_id = m.id
            where d.model_type = p_name and d.environment = p_environment
                and d.status = 'active'
        ),
        'earlier_version', (
            select m.version
            from public.ml_models as m
            where m.id = (private.earlier_deployment(p_name, p_environment)).model_id
        ),
        'latest_check', (
            select pg_catalog.to_jsonb(m)
            from public.ml_performance_metrics as m
            where m.model_type = p_name and m.environment = p_environment
            order by m.recorded_at desc, m.id desc
            limit 1
        ),
        'next_check_at', (
            select pg_catalog.min(s.next_run_at)
            from public.ml_retraining_schedules as s
            where s.model_type = p_name and s.environment = p_environment and s.enabled
                and s.kind = 'performance_check'
        ),
        'alerts', (
            select coalesce(
                pg_catalog.jsonb_agg(
                    pg_catalog.to_jsonb(a)
                    order by
                        private.is_unattended(a) desc, private.alert_urgency(a) desc,
                        a.created_at desc, a.id desc
                ), '[]'
            )
            from public.ml_alerts as a
            where a.model_type = p_name and a.environment = p_environment
                and a.status <> 'resolved'
        ),
        'active', private.active_work(p_name, p_environment),
        'performance', v_performance,
        'deployed', (
            select coalesce(
                pg_catalog.jsonb_agg(
                    pg_catalog.jsonb_build_object(
                        'at', x.valid_from, 'version', x.version, 'is_rollback', x.is_rollback
                    ) order by x.valid_from
                ), '[]'
            )
            from (
                select d.valid_from, m.version, d.rolled_back_from is not null as is_rollback
                from public.ml_model_deployments as d
                inner join public.ml_models as m on d.model_id = m.id
                where d.model_type = p_name and d.environment = p_environment
                    and d.valid_from between (v_performance ->> 'since')::timestamptz
                    and (v_performance ->> 'until')::timestamptz
                order by d.valid_from desc
                limit 60
            ) as x
        ),
        'quality', public.get_quality_series(p_name, p_days, 500, p_actor),
        'versions', v_versions,
        'comparison', case
            when v_compared is not null
                then public.get_model_comparison(v_compared, p_environment, p_actor)
        end,
        'deployments', private.deployments_page(
            p_name, p_environment, p_limit, p_deployments_cursor
        )
    );
end
$$;
comment on function public.get_model_type_page(
    text, public.ml_environment, integer, uuid, text, text, integer, jsonb
) is
'read, viewer: everything that the page of a model type shows, of one environment.';

select private.set_function_class(f, 'read')
from unnest(array[
    'private.earlier_deployment(text, public.ml_environment)',
    'private.deployment_standing(public.ml_models, public.ml_model_deployments, public.ml_model_validations)',
    'private.version_json(public.ml_models, public.ml_environment)',
    'private.deployments_page(text, public.ml_environment, integer, text)',
    'private.active_work(text, public.ml_environment)',
    'public.list_model_versions(text, public.ml_environment, integer, text, jsonb)',
    'public.get_model_comparison(uuid, public.ml_environment, jsonb)',
    'public.get_model_type_page(text, public.ml_environment, integer, uuid, text, text, integer, jsonb)'
]::regprocedure[]) as f;

select private.record_migration('20261124030410');
