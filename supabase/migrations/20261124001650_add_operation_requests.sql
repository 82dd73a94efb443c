-- Asking for a check, a validation, a deployment; looking after an alert; events from outside.
create function private.insert_operation(
    p_kind public.ml_operation_kind, p_environment public.ml_environment, p_parameters jsonb,
    p_as_of timestamptz, p_request_id text, p_actor jsonb
) returns jsonb
language sql
set search_path = ''
as $$
    insert into public.ml_operations (
        kind, environment, parameters, as_of, request_id, requested_by
    ) values (p_kind, p_environment, p_parameters, p_as_of, p_request_id, p_actor)
    returning pg_catalog.jsonb_build_object('operation_id', id, 'kind', kind, 'status', status)
$$;
comment on function private.insert_operation(
    public.ml_operation_kind, public.ml_environment, jsonb, timestamptz, text, jsonb
) is
'Queues an operation.';

create function private.request_check(
    p_model_types text[], p_threshold double precision, p_time_window integer,
    p_environment public.ml_environment, p_as_of timestamptz, p_request_id text, p_actor jsonb
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    v_actor constant jsonb := private.require_role('operator', p_actor);
    v_names text [];
begin
    if p_threshold is not null and not p_threshold between 0.0001 and 1 then
        perform private.raise_error(422, 'invalid_request', 'threshold must be between 0.0001 and 1.');
    end if;
    if p_time_window is null or not p_time_window between 1 and 3650 then
        perform private.raise_error(422, 'invalid_request', 'time_window must be between 1 and 3650 days.');
    end if;
    select pg_catalog.array_agg(distinct t.name order by t.name) into v_names
    from private.resolve_model_types(p_model_types, p_as_of, p_actor) as t;
    perform private.act_as(v_actor);
    return private.insert_operation(
        'check', p_environment,
        pg_catalog.jsonb_build_object(
            'model_types', v_names, 'threshold', p_threshold, 'time_window', p_time_window
        ),
        p_as_of, p_request_id, v_actor
    );
end
$$;
comment on function private.request_check(
    text[], double precision, integer, public.ml_environment, timestamptz, text, jsonb
) is
'See public.request_check.';

create function public.request_check(
    p_model_types text[] default null, p_threshold double precision default null,
    p_time_window integer default 7, p_environment public.ml_environment default 'production',
    p_as_of timestamptz default null, p_request_id text default null, p_actor jsonb default null
) returns jsonb
language sql
set search_path = ''
return private.request_check(
    p_model_types, p_threshold, p_time_window, p_environment, p_as_of, p_request_id, p_actor
);
comment on function public.request_check(
    text[], double precision, integer, public.ml_environment, timestamptz, text, jsonb
) is
'request, operator: queues a performance check of the champions.';

create function private.resolve_models(
    p_model_ids uuid[], p_model_types text[], p_job_ids uuid[], p_only_approved boolean,
    p_environment public.ml_environment, p_as_of timestamptz, p_actor jsonb
) returns uuid[]
language plpgsql
set search_path = ''
as $$
declare
    v_given constant integer := (p_model_ids is not null)::integer
        + (p_model_types is not null)::integer + (p_job_ids is not null)::integer;
    v_ids uuid [] := array[]::uuid [];
    v_id uuid;
    v_asked uuid;
    v_type public.ml_model_types;
begin
    if v_given <> 1 then
        perform private.raise_error(
            422, 'invalid_request', 'Name the models by exactly one of model_ids, model_types or job_ids.'
        );
    end if;
    foreach v_asked in array coalesce(p_model_ids, array[]::uuid []) loop
        if not exists (select from public.ml_models as m where m.id = v_asked) then
            perform private.raise_error(422, 'invalid_request', pg_catalog.format('There is no model %s.', v_asked));
        end if;
        v_ids := v_ids || v_asked;
    end loop;
    foreach v_asked in array coalesce(p_job_ids, array[]::uuid []) loop
        select m.id into v_id from public.ml_models as m where m.training_job_id = v_asked;
        if not found then
            perform private.raise_error(
                422, 'invalid_request', pg_catalog.format('The job %s has no model.', v_asked)
            );
        end if;
        v_ids := v_ids || v_id;
    end loop;
    if p_model_types is not null then
        for v_type in
            select * from private.resolve_model_types(p_model_types, p_as_of, p_actor)
        loop
            select m.id into v_id
            from public.ml_models as m
            where m.model_type = v_type.name and m.quarantined_at is null
                and (not p_only_approved or exists (
                    select from public.ml_model_validations as v
                    where v.model_id = m.id and v.environment = p_environment
                        and v.verdict = 'approved'
                ))
            order by m.version desc
            limit 1;
            if not found then
                perform private.raise_error(
                    case when p_only_approved then 409 else 422 end,
                    case when p_only_approved then 'not_approved' else 'invalid_request' end,
                    pg_catalog.format(
                        'The model type %s has no %smodel.', v_type.name,
                        case when p_only_approved then 'approved ' else '' end
                    ),
                    case
                        when p_only_approved then
                            'Train one (refit retrain), validate the newest again (refit validate), or let an admin force it (refit deploy --force).'
                        else 'Train one first: refit retrain.'
                    end
                );
            end if;
            v_ids := v_ids || v_id;
        end loop;
    elsif p_as_of is not null then
        perform private.resolve_model_types(
            (
                select pg_catalog.array_agg(distinct m.model_type)
                from public.ml_models as m where m.id = any(v_ids)
            ),
            p_as_of, p_actor
        );
    end if;
    if pg_catalog.cardinality(v_ids) = 0 then
        perform private.raise_error(422, 'invalid_request', 'No model is named.');
    end if;
    return v_ids;
end
$$;
comment on function private.resolve_models(
    uuid[], text[], uuid[], boolean, public.ml_environment, timestamptz, jsonb
) is
'The models that a request means: by id, by job, or the newest of each model type.';

create function private.request_validation(
    p_model_ids uuid[], p_model_types text[], p_job_ids uuid[],
    p_environment public.ml_environment, p_as_of timestamptz, p_request_id text, p_actor jsonb
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    v_actor constant jsonb := private.require_role('operator', p_actor);
    v_ids constant uuid [] := private.resolve_models(
        p_model_ids, p_model_types, p_job_ids, false, p_environment, p_as_of, p_actor
    );
begin
    perform private.act_as(v_actor);
    return private.insert_operation(
        'validation', p_environment, pg_catalog.jsonb_build_object('model_ids', v_ids),
        p_as_of, p_request_id, v_actor
    );
end
$$;
comment on function private.request_validation(
    uuid[], text[], uuid[], public.ml_environment, timestamptz, text, jsonb
) is
'See public.request_validation.';

create function public.request_validation(
    p_model_ids uuid[] default null, p_model_types text[] default null,
    p_job_ids uuid[] default null, p_environment public.ml_environment default 'production',
    p_as_of timestamptz default null, p_request_id text default null, p_actor jsonb default null
) returns jsonb
language sql
set search_path = ''
return private.request_validation(
    p_model_ids, p_model_types, p_job_ids, p_environment, p_as_of, p_request_id, p_actor
);
comment on function public.request_validation(
    uuid[], text[], uuid[], public.ml_environment, timestamptz, text, jsonb
) is
'request, operator: queues a validation of models against the champion.';

create function private.request_deployment(
    p_model_ids uuid[], p_model_types text[], p_environment public.ml_environment,
    p_force boolean, p_reason text, p_as_of timestamptz, p_request_id text, p_actor jsonb
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    v_actor constant jsonb := private.require_role(
        case when p_force then 'admin' else 'operator' end, p_actor
    );
    v_ids constant uuid [] := private.resolve_models(
        p_model_ids, p_model_types, null, not p_force, p_environment, p_as_of, p_actor
    );
    v_id uuid;
begin
    perform private.check_text('reason', p_reason, 1000, false);
    perform private.act_as(v_actor);
    -- Refused here already what cannot succeed; the swap itself asks again.
    foreach v_id in array v_ids loop
        perform private.check_deployable(v_id, p_environment, p_force);
    end loop;
    return private.insert_operation(
        'deployment', p_environment,
        pg_catalog.jsonb_build_object(
            'model_ids', v_ids, 'force', p_force, 'reason', p_reason
        ),
        p_as_of, p_request_id, v_actor
    );
end
$$;
comment on function private.request_deployment(
    uuid[], text[], public.ml_environment, boolean, text, timestamptz, text, jsonb
) is
'See public.request_deployment.';

create function public.request_deployment(
    p_model_ids uuid[] default null, p_model_types text[] default null,
    p_environment public.ml_environment default 'production', p_force boolean default false,
    p_reason text default null, p_as_of timestamptz default null,
    p_request_id text default null, p_actor jsonb default null
) returns jsonb
language sql
set search_path = ''
return private.request_deployment(
    p_model_ids, p_model_types, p_environment, p_force, p_reason, p_as_of, p_request_id, p_actor
);
comment on function public.request_deployment(
    uuid[], text[], public.ml_environment, boolean, text, timestamptz, text, jsonb
) is
'request, operator (force: admin): queues the deployment of approved models.';

create function private.acknowledge_alert(p_id uuid, p_actor jsonb) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    v_actor constant jsonb := private.require_role('operator', p_actor);
    v_row public.ml_alerts;
begin
    update public.ml_alerts set
        status = 'acknowledged', acknowledged_by = v_actor,
        acknowledged_at = pg_catalog.clock_timestamp()
    where id = p_id and status = 'open'
    returning * into v_row;
    if not found then
        select * into v_row from public.ml_alerts where id = p_id;
        if not found then
            perform private.raise_error(404, 'not_found', pg_catalog.format('There is no alert %s.', p_id));
        end if;
        if v_row.status = 'resolved' then
            perform private.raise_error(
                409, 'illegal_transition', pg_catalog.format('The alert %s is resolved already.', p_id)
            );
        end if;
    end if;
    return pg_catalog.to_jsonb(v_row);
end
$$;
comment on function private.acknowledge_alert(uuid, jsonb) is 'See public.acknowledge_alert.';

create function public.acknowledge_alert(p_id uuid, p_actor jsonb default null) returns jsonb
language sql
set search_path = ''
return private.acknowledge_alert(p_id, p_actor);
comment on function public.acknowledge_alert(uuid, jsonb) is
'request, operator: says that somebody looks after an alert.';

create function private.record_event(
    p_workflow text, p_execution_id text, p_step text, p_outcome text, p_detail jsonb,
    p_actor jsonb
) returns void
language plpgsql security definer
set search_path = ''
as $$
begin
    perform private.require_role('operator', p_actor);
    perform private.check_text('workflow', p_workflow, 200, true);
    perform private.check_text('execution_id', p_execution_id, 200, true);
    perform private.check_text('step', p_step, 200, true);
    perform private.check_text('outcome', p_outcome, 200, true);
    perform private.write_audit(
        'event.' || p_step, p_workflow, p_execution_id, null, null, null, null,
        pg_catalog.jsonb_build_object('outcome', p_outcome, 'detail', p_detail), null
    );
end
$$;
comment on function private.record_event(text, text, text, text, jsonb, jsonb) is
'See public.record_event.';

create function public.record_event(
    p_workflow text, p_execution_id text, p_step text, p_outcome text,
    p_detail jsonb default null, p_actor jsonb default null
) returns void
language sql
set search_path = ''
return private.record_event(p_workflow, p_execution_id, p_step, p_outcome, p_detail, p_actor);
comment on function public.record_event(text, text, text, text, jsonb, jsonb) is
'request, operator: an audit row from outside, such as a step of an n8n workflow.';

select private.set_function_class(f, 'internal')
from unnest(array[
    'private.resolve_models(uuid[], text[], uuid[], boolean, public.ml_environment, timestamptz, jsonb)',
    'private.insert_operation(public.ml_operation_kind, public.ml_environment, jsonb, timestamptz, text, jsonb)'
]::regprocedure[]) as f;

select private.set_function_class(f, 'request')
from unnest(array[
    'private.request_check(text[], double precision, integer, public.ml_environment, timestamptz, text, jsonb)',
    'public.request_check(text[], double precision, integer, public.ml_environment, timestamptz, text, jsonb)',
    'private.request_validation(uuid[], text[], uuid[], public.ml_environment, timestamptz, text, jsonb)',
    'public.request_validation(uuid[], text[], uuid[], public.ml_environment, timestamptz, text, jsonb)',
    'private.request_deployment(uuid[], text[], public.ml_environment, boolean, text, timestamptz, text, jsonb)',
    'public.request_deployment(uuid[], text[], public.ml_environment, boolean, text, timestamptz, text, jsonb)',
    'private.acknowledge_alert(uuid, jsonb)', 'public.acknowledge_alert(uuid, jsonb)',
    'private.record_event(text, text, text, text, jsonb, jsonb)',
    'public.record_event(text, text, text, text, jsonb, jsonb)'
]::regprocedure[]) as f;

select private.record_migration('20261124001650');
