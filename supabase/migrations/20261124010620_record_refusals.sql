-- What was refused is on record too, and an event from outside is bounded and has an id.
create function private.record_refusal(
    p_actor jsonb, p_action text, p_status integer, p_problem text, p_detail text,
    p_request_id text
) returns void
language plpgsql security definer
set search_path = ''
as $$
begin
    perform private.act_as(coalesce(
        p_actor,
        '{"kind": "unknown", "id": "unknown", "name": "unknown", "role": null}'
    ));
    perform private.write_audit(
        'request.refused', 'action', p_action, null, null, null, null,
        pg_catalog.jsonb_build_object(
            'status', p_status, 'problem', p_problem, 'detail', pg_catalog.left(p_detail, 500)
        ),
        p_request_id
    );
end
$$;
comment on function private.record_refusal(jsonb, text, integer, text, text, text) is
'See public.record_refusal.';

create function public.record_refusal(
    p_actor jsonb, p_action text, p_status integer, p_problem text, p_detail text,
    p_request_id text
) returns void
language sql
set search_path = ''
return private.record_refusal(p_actor, p_action, p_status, p_problem, p_detail, p_request_id);
comment on function public.record_refusal(jsonb, text, integer, text, text, text) is
'machinery: an audit row for a request that was refused; its own transaction was rolled back. Without p_actor: credentials that nobody has.';

drop function public.record_event(text, text, text, text, jsonb, jsonb);
drop function private.record_event(text, text, text, text, jsonb, jsonb);

create function private.record_event(
    p_workflow text, p_execution_id text, p_step text, p_outcome text, p_detail jsonb,
    p_actor jsonb
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
begin
    perform private.require_role('operator', p_actor);
    perform private.check_text('workflow', p_workflow, 200, true);
    perform private.check_text('execution_id', p_execution_id, 200, true);
    perform private.check_text('step', p_step, 200, true);
    perform private.check_text('outcome', p_outcome, 200, true);
    if pg_catalog.octet_length(p_detail::text) > 16384 then
        perform private.raise_error(422, 'invalid_request', 'detail must have at most 16 KiB.');
    end if;
    return pg_catalog.jsonb_build_object('id', private.write_audit(
        'event.' || p_step, p_workflow, p_execution_id, null, null, null, null,
        pg_catalog.jsonb_build_object('outcome', p_outcome, 'detail', p_detail), null
    ));
end
$$;
comment on function private.record_event(text, text, text, text, jsonb, jsonb) is
'See public.record_event.';

create function public.record_event(
    p_workflow text, p_execution_id text, p_step text, p_outcome text,
    p_detail jsonb default null, p_actor jsonb default null
) returns jsonb
language sql
set search_path = ''
return private.record_event(p_workflow, p_execution_id, p_step, p_outcome, p_detail, p_actor);
comment on function public.record_event(text, text, text, text, jsonb, jsonb) is
'request, operator: an audit row from outside, such as a step of an n8n workflow; returns its id.';

create or replace function private.create_schedule(
    p_model_type text, p_environment public.ml_environment, p_kind public.ml_schedule_kind,
    p_cron text, p_time_zone text, p_actor jsonb
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    v_row public.ml_retraining_schedules;
    v_constraint text;
begin
    perform private.require_role('admin', p_actor);
    perform private.get_model_type(p_model_type);
    perform private.check_time_zone(p_time_zone);
    insert into public.ml_retraining_schedules (model_type, environment, kind, cron, time_zone)
    values (p_model_type, p_environment, p_kind, p_cron, p_time_zone)
    returning * into v_row;
    return pg_catalog.to_jsonb(v_row);
exception
    when unique_violation then
        perform private.raise_error(
            409, 'conflict',
            pg_catalog.format(
                '%s has a schedule of the kind %s in %s already.', p_model_type, p_kind, p_environment
            ),
            'Change that one.'
        );
    when check_violation then
        get stacked diagnostics v_constraint = constraint_name;
        perform private.raise_constraint('public.ml_retraining_schedules', v_constraint);
end
$$;

select private.set_function_class(f, 'machinery')
from unnest(array[
    'private.record_refusal(jsonb, text, integer, text, text, text)',
    'public.record_refusal(jsonb, text, integer, text, text, text)'
]::regprocedure[]) as f;

select private.set_function_class(f, 'request')
from unnest(array[
    'private.record_event(text, text, text, text, jsonb, jsonb)',
    'public.record_event(text, text, text, text, jsonb, jsonb)'
]::regprocedure[]) as f;

select private.record_migration('20261124010620');
