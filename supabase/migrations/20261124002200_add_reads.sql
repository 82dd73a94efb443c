-- What may be read, under row level security: lists are pages from newest to oldest.
create function private.check_limit(p_limit integer) returns integer
language plpgsql stable
set search_path = ''
as $$
begin
    if p_limit is null or not p_limit between 1 and 200 then
        perform private.raise_error(422, 'invalid_request', 'limit must be between 1 and 200.');
    end if;
    return p_limit;
end
$$;
comment on function private.check_limit(integer) is 'The limit, or a 422 that names it.';

create function private.page(p_rows jsonb, p_limit integer, p_time_field text) returns jsonb
language sql stable
set search_path = ''
return pg_catalog.jsonb_build_object(
    'items', (
        select coalesce(pg_catalog.jsonb_agg(r.item order by r.position), '[]')
        from
            pg_catalog.jsonb_array_elements(coalesce(p_rows, '[]'))
            with ordinality as r (item, position)
        where r.position <= p_limit
    ),
    'next_cursor', case
        when pg_catalog.jsonb_array_length(coalesce(p_rows, '[]')) > p_limit
            then private.encode_cursor(
                (p_rows -> (p_limit - 1) ->> p_time_field)::timestamptz,
                p_rows -> (p_limit - 1) ->> 'id'
            )
    end
);
comment on function private.page(jsonb, integer, text) is
'A page of at most p_limit of the rows given (one more says that there is a next page).';

create function public.list_models(
    p_model_type text default null, p_status public.ml_model_status default null,
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
    select pg_catalog.jsonb_agg(x.item) into v_rows
    from (
        select pg_catalog.to_jsonb(m) || pg_catalog.jsonb_build_object('serves', (
            select coalesce(pg_catalog.jsonb_agg(d.environment), '[]')
            from public.ml_model_deployments as d
            where d.model_id = m.id and d.status = 'active'
        )) as item
        from public.ml_models as m
        where (p_model_type is null or m.model_type = p_model_type)
            and (p_status is null or m.status = p_status)
            and (p_cursor is null or (m.created_at, m.id)
                < (private.cursor_time(p_cursor), private.cursor_id(p_cursor)::uuid))
        order by m.created_at desc, m.id desc
        limit p_limit + 1
    ) as x;
    return private.page(v_rows, p_limit, 'created_at');
end
$$;
comment on function public.list_models(
    text, public.ml_model_status, integer, text, jsonb
) is
'read, viewer: trained versions, newest first, with the environments that each serves.';

create function public.list_training_jobs(
    p_model_type text default null, p_environment public.ml_environment default null,
    p_status public.ml_job_status default null, p_limit integer default 50,
    p_cursor text default null, p_actor jsonb default null
) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
    v_rows jsonb;
begin
    perform private.require_role('viewer', p_actor);
    perform private.check_limit(p_limit);
    select pg_catalog.jsonb_agg(x.item) into v_rows
    from (
        select private.training_job_json(j) as item
        from public.ml_training_jobs as j
        where (p_model_type is null or j.model_type = p_model_type)
            and (p_environment is null or j.environment = p_environment)
            and (p_status is null or j.status = p_status)
            and (p_cursor is null or (j.created_at, j.id)
                < (private.cursor_time(p_cursor), private.cursor_id(p_cursor)::uuid))
        order by j.created_at desc, j.id desc
        limit p_limit + 1
    ) as x;
    return private.page(v_rows, p_limit, 'created_at');
end
$$;
comment on function public.list_training_jobs(
    text, public.ml_environment, public.ml_job_status, integer, text, jsonb
) is
'read, viewer: training jobs, newest first.';

create function public.list_metrics(
    p_model_type text default null, p_environment public.ml_environment default null,
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
    select pg_catalog.jsonb_agg(x.item) into v_rows
    from (
        select pg_catalog.to_jsonb(m) as item
        from public.ml_performance_metrics as m
        where (p_model_type is null or m.model_type = p_model_type)
            and (p_environment is null or m.environment = p_environment)
            and (p_cursor is null or (m.recorded_at, m.id)
                < (private.cursor_time(p_cursor), private.cursor_id(p_cursor)::uuid))
        order by m.recorded_at desc, m.id desc
        limit p_limit + 1
    ) as x;
    return private.page(v_rows, p_limit, 'recorded_at');
end
$$;
comment on function public.list_metrics(text, public.ml_environment, integer, text, jsonb) is
'read, viewer: performance checks, newest first.';

create function public.list_deployments(
    p_model_type text default null, p_environment public.ml_environment default null,
    p_status public.ml_deployment_status default null, p_limit integer default 50,
    p_cursor text default null, p_actor jsonb default null
) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
    v_rows jsonb;
begin
    perform private.require_role('viewer', p_actor);
    perform private.check_limit(p_limit);
    select pg_catalog.jsonb_agg(x.item) into v_rows
    from (
        select private.deployment_json(d) as item
        from public.ml_model_deployments as d
        where (p_model_type is null or d.model_type = p_model_type)
            and (p_environment is null or d.environment = p_environment)
            and (p_status is null or d.status = p_status)
            and (p_cursor is null or (d.created_at, d.id)
                < (private.cursor_time(p_cursor), private.cursor_id(p_cursor)::uuid))
        order by d.created_at desc, d.id desc
        limit p_limit + 1
    ) as x;
    return private.page(v_rows, p_limit, 'created_at');
end
$$;
comment on function public.list_deployments(
    text, public.ml_environment, public.ml_deployment_status, integer, text, jsonb
) is
'read, viewer: deployments, newest first.';

create function public.list_alerts(
    p_model_type text default null, p_environment public.ml_environment default null,
    p_status public.ml_alert_status default null, p_limit integer default 50,
    p_cursor text default null, p_actor jsonb default null
) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
    v_rows jsonb;
begin
    perform private.require_role('viewer', p_actor);
    perform private.check_limit(p_limit);
    select pg_catalog.jsonb_agg(x.item) into v_rows
    from (
        select pg_catalog.to_jsonb(a) as item
        from public.ml_alerts as a
        where (p_model_type is null or a.model_type = p_model_type)
            and (p_environment is null or a.environment = p_environment)
            and (p_status is null or a.status = p_status)
            and (p_cursor is null or (a.created_at, a.id)
                < (private.cursor_time(p_cursor), private.cursor_id(p_cursor)::uuid))
        order by a.created_at desc, a.id desc
        limit p_limit + 1
    ) as x;
    return private.page(v_rows, p_limit, 'created_at');
end
$$;
comment on function public.list_alerts(
    text, public.ml_environment, public.ml_alert_status, integer, text, jsonb
) is
'read, viewer: alerts, newest first.';

create function public.list_audit_logs(
    p_model_type text default null, p_environment public.ml_environment default null,
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
    select pg_catalog.jsonb_agg(x.item) into v_rows
    from (
        select pg_catalog.to_jsonb(a) - 'transaction_id' as item
        from public.workflow_audit_logs as a
        where (p_model_type is null or a.model_type = p_model_type)
            and (p_environment is null or a.environment = p_environment)
            and (p_cursor is null or (a.created_at, a.id)
                < (private.cursor_time(p_cursor), private.cursor_id(p_cursor)::uuid))
        order by a.created_at desc, a.id desc
        limit p_limit + 1
    ) as x;
    return private.page(v_rows, p_limit, 'created_at');
end
$$;
comment on function public.list_audit_logs(text, public.ml_environment, integer, text, jsonb) is
'read, viewer: who did what, newest first.';

create function public.list_model_types(p_actor jsonb default null) returns jsonb
language plpgsql
set search_path = ''
as $$
begin
    perform private.require_role('viewer', p_actor);
    return pg_catalog.jsonb_build_object('items', coalesce(
        (
            select pg_catalog.jsonb_agg(private.model_type_json(t) order by t.name)
            from public.ml_model_types as t
        ), '[]'
    ));
end
$$;
comment on function public.list_model_types(jsonb) is 'read, viewer: all model types by name.';

create function public.list_schedules(
    p_model_type text default null, p_actor jsonb default null
) returns jsonb
language plpgsql
set search_path = ''
as $$
begin
    perform private.require_role('viewer', p_actor);
    return pg_catalog.jsonb_build_object('items', coalesce(
        (
            select pg_catalog.jsonb_agg(
                pg_catalog.to_jsonb(s) order by s.model_type, s.environment, s.kind
            )
            from public.ml_retraining_schedules as s
            where p_model_type is null or s.model_type = p_model_type
        ), '[]'
    ));
end
$$;
comment on function public.list_schedules(text, jsonb) is
'read, viewer: schedules by model type, with their next runs.';

create function public.get_training_job(p_id uuid, p_actor jsonb default null) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
    v_row public.ml_training_jobs;
begin
    perform private.require_role('viewer', p_actor);
    select * into v_row from public.ml_training_jobs where id = p_id;
    if not found then
        perform private.raise_error(404, 'not_found', pg_catalog.format('There is no job %s.', p_id));
    end if;
    return private.training_job_json(v_row) || pg_catalog.jsonb_build_object(
        'validation', (
            select private.validation_json(v)
            from public.ml_model_validations as v
            where v.training_job_id = p_id
            order by v.created_at desc
            limit 1
        ),
        'log', coalesce(
            (
                select pg_catalog.jsonb_agg(
                    pg_catalog.to_jsonb(l) - 'id' - 'job_id' order by l.id
                )
                from (
                    select * from private.job_log_lines as all_lines
                    where all_lines.job_id = p_id
                    order by all_lines.id desc
                    limit 500
                ) as l
            ), '[]'
        )
    );
end
$$;
comment on function public.get_training_job(uuid, jsonb) is
'read, viewer: a training job with its validation and its last 500 log lines.';

create function public.get_operation(p_id uuid, p_actor jsonb default null) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
    v_row public.ml_operations;
begin
    perform private.require_role('viewer', p_actor);
    select * into v_row from public.ml_operations where id = p_id;
    if not found then
        perform private.raise_error(404, 'not_found', pg_catalog.format('There is no operation %s.', p_id));
    end if;
    return private.operation_json(v_row);
end
$$;
comment on function public.get_operation(uuid, jsonb) is
'read, viewer: a check, validation or deployment with its result.';

create function public.get_model_type(p_name text, p_actor jsonb default null) returns jsonb
language plpgsql
set search_path = ''
as $$
begin
    perform private.require_role('viewer', p_actor);
    return private.model_type_json(private.get_model_type(p_name));
end
$$;
comment on function public.get_model_type(text, jsonb) is 'read, viewer: one model type.';

create function public.get_champion(
    p_model_type text, p_environment public.ml_environment default 'production',
    p_actor jsonb default null
) returns jsonb
language plpgsql
set search_path = ''
as $$
begin
    perform private.require_role('viewer', p_actor);
    perform private.get_model_type(p_model_type);
    return private.champion_json(p_model_type, p_environment);
end
$$;
comment on function public.get_champion(text, public.ml_environment, jsonb) is
'read, viewer: the deployment that serves, or null.';

select private.set_function_class(f, 'read')
from unnest(array[
    'private.check_limit(integer)', 'private.page(jsonb, integer, text)',
    'public.list_models(text, public.ml_model_status, integer, text, jsonb)',
    'public.list_training_jobs(text, public.ml_environment, public.ml_job_status, integer, text, jsonb)',
    'public.list_metrics(text, public.ml_environment, integer, text, jsonb)',
    'public.list_deployments(text, public.ml_environment, public.ml_deployment_status, integer, text, jsonb)',
    'public.list_alerts(text, public.ml_environment, public.ml_alert_status, integer, text, jsonb)',
    'public.list_audit_logs(text, public.ml_environment, integer, text, jsonb)',
    'public.list_model_types(jsonb)', 'public.list_schedules(text, jsonb)',
    'public.get_training_job(uuid, jsonb)', 'public.get_operation(uuid, jsonb)',
    'public.get_model_type(text, jsonb)',
    'public.get_champion(text, public.ml_environment, jsonb)'
]::regprocedure[]) as f;

select private.record_migration('20261124002200');
