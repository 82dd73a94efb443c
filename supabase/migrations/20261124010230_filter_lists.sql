-- Lists by what people ask for: the verdict of a check, where a model serves, which schedules run,
-- what became of something, and all that one request did.
create index workflow_audit_logs_by_request on public.workflow_audit_logs (request_id)
where request_id is not null;

drop function public.list_models(text, public.ml_model_status, integer, text, jsonb);
create function public.list_models(
    p_model_type text default null, p_environment public.ml_environment default null,
    p_status public.ml_model_status default null, p_limit integer default 50,
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
        select pg_catalog.to_jsonb(m) || pg_catalog.jsonb_build_object('serves', (
            select coalesce(pg_catalog.jsonb_agg(d.environment), '[]')
            from public.ml_model_deployments as d
            where d.model_id = m.id and d.status = 'active'
        )) as item
        from public.ml_models as m
        where (p_model_type is null or m.model_type = p_model_type)
            and (p_status is null or m.status = p_status)
            and (p_environment is null or exists (
                select from public.ml_model_deployments as d
                where d.model_id = m.id and d.status = 'active' and d.environment = p_environment
            ))
            and (p_cursor is null or (m.created_at, m.id)
                < (private.cursor_time(p_cursor), private.cursor_id(p_cursor)::uuid))
        order by m.created_at desc, m.id desc
        limit p_limit + 1
    ) as x;
    return private.page(v_rows, p_limit, 'created_at');
end
$$;
comment on function public.list_models(
    text, public.ml_environment, public.ml_model_status, integer, text, jsonb
) is
'read, viewer: trained versions, newest first, with the environments that each serves; of one environment those that serve it.';

drop function public.list_metrics(text, public.ml_environment, integer, text, jsonb);
create function public.list_metrics(
    p_model_type text default null, p_environment public.ml_environment default null,
    p_status public.ml_check_verdict default null, p_limit integer default 50,
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
        select pg_catalog.to_jsonb(m) as item
        from public.ml_performance_metrics as m
        where (p_model_type is null or m.model_type = p_model_type)
            and (p_environment is null or m.environment = p_environment)
            and (p_status is null or m.verdict = p_status)
            and (p_cursor is null or (m.recorded_at, m.id)
                < (private.cursor_time(p_cursor), private.cursor_id(p_cursor)::uuid))
        order by m.recorded_at desc, m.id desc
        limit p_limit + 1
    ) as x;
    return private.page(v_rows, p_limit, 'recorded_at');
end
$$;
comment on function public.list_metrics(
    text, public.ml_environment, public.ml_check_verdict, integer, text, jsonb
) is
'read, viewer: performance checks, newest first; the status is the verdict.';

drop function public.list_audit_logs(text, public.ml_environment, integer, text, jsonb);
create function public.list_audit_logs(
    p_model_type text default null, p_environment public.ml_environment default null,
    p_status text default null, p_action text default null, p_entity text default null,
    p_entity_id text default null, p_request_id text default null, p_limit integer default 50,
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
        select pg_catalog.to_jsonb(a) - 'transaction_id' - 'cluster_id' as item
        from public.workflow_audit_logs as a
        where (p_model_type is null or a.model_type = p_model_type)
            and (p_environment is null or a.environment = p_environment)
            and (
                p_status is null
                or coalesce(a.after ->> 'status', a.detail ->> 'outcome') = p_status
            )
            and (p_action is null or a.action = p_action)
            and (p_entity is null or a.entity = p_entity)
            and (p_entity_id is null or a.entity_id = p_entity_id)
            and (p_request_id is null or a.request_id = p_request_id)
            and (p_cursor is null or (a.created_at, a.id)
                < (private.cursor_time(p_cursor), private.cursor_id(p_cursor)::uuid))
        order by a.created_at desc, a.id desc
        limit p_limit + 1
    ) as x;
    return private.page(v_rows, p_limit, 'created_at');
end
$$;
comment on function public.list_audit_logs(
    text, public.ml_environment, text, text, text, text, text, integer, text, jsonb
) is
'read, viewer: who did what, newest first; the status is what something became, or the outcome of an event.';

drop function public.list_schedules(text, jsonb);
create function public.list_schedules(
    p_model_type text default null, p_environment public.ml_environment default null,
    p_status text default null, p_limit integer default 50, p_cursor text default null,
    p_actor jsonb default null
) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
    v_rows jsonb;
    v_after public.ml_retraining_schedules;
begin
    perform private.require_role('viewer', p_actor);
    perform private.check_limit(p_limit);
    if p_status not in ('enabled', 'disabled') then
        perform private.raise_error(
            422, 'invalid_request', 'status must be enabled or disabled.'
        );
    end if;
    if p_cursor is not null then
        -- Pages go by model type, environment and kind, which never change: the mark names the row.
        select * into v_after from public.ml_retraining_schedules
        where id = private.cursor_id(p_cursor)::uuid;
        if not found then
            perform private.raise_error(
                422, 'invalid_request', 'cursor is not one that this list gave.',
                'Leave it out to start from the first.'
            );
        end if;
    end if;
    select pg_catalog.jsonb_agg(x.item) into v_rows
    from (
        select pg_catalog.to_jsonb(s) as item
        from public.ml_retraining_schedules as s
        where (p_model_type is null or s.model_type = p_model_type)
            and (p_environment is null or s.environment = p_environment)
            and (p_status is null or s.enabled = (p_status = 'enabled'))
            and (p_cursor is null or (s.model_type, s.environment, s.kind)
                > (v_after.model_type, v_after.environment, v_after.kind))
        order by s.model_type, s.environment, s.kind
        limit p_limit + 1
    ) as x;
    return private.page(v_rows, p_limit, 'created_at');
end
$$;
comment on function public.list_schedules(
    text, public.ml_environment, text, integer, text, jsonb
) is
'read, viewer: schedules by model type, with their next runs; the status is enabled or disabled.';

select private.set_function_class(f, 'read')
from unnest(array[
    'public.list_models(text, public.ml_environment, public.ml_model_status, integer, text, jsonb)',
    'public.list_metrics(text, public.ml_environment, public.ml_check_verdict, integer, text, jsonb)',
    'public.list_audit_logs(text, public.ml_environment, text, text, text, text, text, integer, text, jsonb)',
    'public.list_schedules(text, public.ml_environment, text, integer, text, jsonb)'
]::regprocedure[]) as f;

select private.record_migration('20261124010230');
