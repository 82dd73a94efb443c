-- Creating and changing model types and their schedules.
create function private.raise_constraint(p_table regclass, p_constraint text) returns void
language plpgsql stable
set search_path = ''
as $$
declare
    v_sentence text;
begin
    select pg_catalog.obj_description(c.oid, 'pg_constraint') into v_sentence
    from pg_catalog.pg_constraint as c
    where c.conrelid = p_table and c.conname = p_constraint;
    perform private.raise_error(
        422, 'invalid_request', coalesce(v_sentence, 'The value violates ' || p_constraint || '.')
    );
end
$$;
comment on function private.raise_constraint(regclass, text) is
'Says a violated check in the words of the constraint''s comment.';

create function private.refuse_unknown_fields(
    p_object jsonb, p_known text[], p_what text
) returns void
language plpgsql stable
set search_path = ''
as $$
declare
    v_field text;
begin
    if p_object is null or pg_catalog.jsonb_typeof(p_object) <> 'object' then
        perform private.raise_error(422, 'invalid_request', p_what || ' must be an object.');
    end if;
    select k.field into v_field
    from pg_catalog.jsonb_object_keys(p_object) as k (field)
    where not (k.field = any(p_known))
    order by k.field
    limit 1;
    if found then
        perform private.raise_error(
            422, 'invalid_request', pg_catalog.format('%s has no field %s.', p_what, v_field),
            'Known fields: ' || pg_catalog.array_to_string(p_known, ', ') || '.'
        );
    end if;
end
$$;
comment on function private.refuse_unknown_fields(jsonb, text[], text) is
'A 422 that names the first field that is not known.';

create function private.get_model_type(p_name text) returns public.ml_model_types
language plpgsql stable
set search_path = ''
as $$
declare
    v_row public.ml_model_types;
begin
    select * into v_row from public.ml_model_types where name = p_name;
    if not found then
        perform private.raise_error(
            422, 'unknown_model_type', pg_catalog.format('There is no model type %s.', p_name),
            'Known: ' || coalesce(
                (select pg_catalog.string_agg(t.name, ', ' order by t.name)
                from public.ml_model_types as t), 'none yet; refit model-types create makes one'
            ) || '.'
        );
    end if;
    return v_row;
end
$$;
comment on function private.get_model_type(text) is
'The model type, or a 422 that names it and those that exist.';

create function private.create_model_type(p_definition jsonb, p_actor jsonb) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    v_known constant text [] := array[
        'name', 'title', 'description', 'owner', 'enabled', 'task', 'source_relation',
        'key_columns', 'time_column', 'label_time_column', 'label_delay', 'target_column',
        'feature_columns', 'engine', 'engine_parameters', 'metric', 'training_window',
        'retraining_threshold', 'auto_deployment_threshold', 'min_training_samples',
        'update_frequency', 'final_fit', 'random_seed', 'replay'
    ];
    v_defaults constant jsonb := pg_catalog.jsonb_build_object(
        'title', '', 'description', '', 'owner', '', 'enabled', true, 'label_delay', '0 seconds',
        'engine', 'gradient_boosting', 'engine_parameters', '{}'::jsonb,
        'retraining_threshold', 0.03, 'auto_deployment_threshold', 0.02,
        'min_training_samples', 100, 'update_frequency', 'daily', 'final_fit', true,
        'random_seed', 0, 'replay', false
    );
    v_row public.ml_model_types;
    v_constraint text;
    v_column text;
begin
    perform private.require_role('admin', p_actor);
    perform private.refuse_unknown_fields(p_definition, v_known, 'A model type');
    begin
        v_row := pg_catalog.jsonb_populate_record(
            null::public.ml_model_types,
            v_defaults
            -- A null means the default; inside engine_parameters it is a value like any other.
            || (
                select coalesce(pg_catalog.jsonb_object_agg(d.key, d.value), '{}')
                from pg_catalog.jsonb_each(p_definition) as d
                where d.value <> 'null'
            )
            || pg_catalog.jsonb_build_object(
                'created_at', pg_catalog.clock_timestamp(),
                'updated_at', pg_catalog.clock_timestamp()
            )
        );
        insert into public.ml_model_types select v_row.* returning * into v_row;
    exception
        when unique_violation then
            perform private.raise_error(
                409, 'conflict',
                pg_catalog.format('There is a model type %s already.', p_definition ->> 'name'),
                'Take another name, or change it: refit model-types update.'
            );
        when check_violation then
            get stacked diagnostics v_constraint = constraint_name;
            perform private.raise_constraint('public.ml_model_types', v_constraint);
        when not_null_violation then
            get stacked diagnostics v_column = column_name;
            perform private.raise_error(
                422, 'invalid_request', pg_catalog.format('A model type needs %s.', v_column)
            );
        when data_exception then
            perform private.raise_error(
                422, 'invalid_request', 'A model type has a value of the wrong kind: ' || sqlerrm
            );
    end;
    -- A type that replays the past is asked by hand: a schedule would judge it by today's clock.
    if not v_row.replay then
        insert into public.ml_retraining_schedules (model_type, environment, kind, cron)
        values
        (v_row.name, 'production', 'performance_check', '0 */4 * * *'),
        (v_row.name, 'production', 'forced_retraining', '30 3 * * 0');
    end if;
    return private.model_type_json(v_row);
end
$$;
comment on function private.create_model_type(jsonb, jsonb) is
'See public.create_model_type.';

create function private.update_model_type(
    p_name text, p_changes jsonb, p_actor jsonb
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    v_known constant text [] := array[
        'title', 'description', 'owner', 'enabled', 'label_delay', 'feature_columns', 'engine',
        'engine_parameters', 'metric', 'training_window', 'retraining_threshold',
        'auto_deployment_threshold', 'min_training_samples', 'update_frequency', 'final_fit',
        'random_seed'
    ];
    v_row public.ml_model_types;
    v_constraint text;
begin
    perform private.require_role('admin', p_actor);
    if p_changes ? 'replay' then
        perform private.raise_error(
            422, 'invalid_request', 'replay is settled when a model type is made.',
            'Make another one: refit model-types create.'
        );
    end if;
    perform private.refuse_unknown_fields(p_changes, v_known, 'A change of a model type');
    perform private.get_model_type(p_name);
    select * into v_row from public.ml_model_types where name = p_name for no key update;
    begin
        v_row := pg_catalog.jsonb_populate_record(v_row, p_changes);
        update public.ml_model_types as t set
            title = v_row.title, description = v_row.description, owner = v_row.owner,
            enabled = v_row.enabled, label_delay = v_row.label_delay,
            feature_columns = v_row.feature_columns, engine = v_row.engine,
            engine_parameters = v_row.engine_parameters, metric = v_row.metric,
            training_window = v_row.training_window,
            retraining_threshold = v_row.retraining_threshold,
            auto_deployment_threshold = v_row.auto_deployment_threshold,
            min_training_samples = v_row.min_training_samples,
            update_frequency = v_row.update_frequency, final_fit = v_row.final_fit,
            random_seed = v_row.random_seed,
            updated_at = pg_catalog.clock_timestamp()
        where t.name = p_name
        returning * into v_row;
    exception
        when check_violation then
            get stacked diagnostics v_constraint = constraint_name;
            perform private.raise_constraint('public.ml_model_types', v_constraint);
        when not_null_violation or data_exception then
            perform private.raise_error(
                422, 'invalid_request', 'A change has a value of the wrong kind: ' || sqlerrm
            );
    end;
    return private.model_type_json(v_row);
end
$$;
comment on function private.update_model_type(text, jsonb, jsonb) is
'See public.update_model_type.';

create function public.create_model_type(
    p_definition jsonb, p_actor jsonb default null
) returns jsonb
language sql
set search_path = ''
return private.create_model_type(p_definition, p_actor);
comment on function public.create_model_type(jsonb, jsonb) is
'request, admin: registers a prediction task, with a check every 4 hours and a weekly retraining.';

create function public.update_model_type(
    p_name text, p_changes jsonb, p_actor jsonb default null
) returns jsonb
language sql
set search_path = ''
return private.update_model_type(p_name, p_changes, p_actor);
comment on function public.update_model_type(text, jsonb, jsonb) is
'request, admin: changes what may change of a model type; where its rows are and what they mean may not.';

create function private.create_schedule(
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
    when check_violation or unique_violation then
        get stacked diagnostics v_constraint = constraint_name;
        perform private.raise_constraint('public.ml_retraining_schedules', v_constraint);
end
$$;
comment on function private.create_schedule(
    text, public.ml_environment, public.ml_schedule_kind, text, text, jsonb
) is
'See public.create_schedule.';

create function private.check_time_zone(p_time_zone text) returns void
language plpgsql stable
set search_path = ''
as $$
begin
    if not exists (select from pg_catalog.pg_timezone_names as z where z.name = p_time_zone) then
        perform private.raise_error(
            422, 'invalid_request',
            pg_catalog.format('time_zone %s is not known.', p_time_zone),
            'Take a name such as Europe/Amsterdam.'
        );
    end if;
end
$$;
comment on function private.check_time_zone(text) is
'A 422 that names a time zone that does not exist.';

create function private.update_schedule(p_id uuid, p_changes jsonb, p_actor jsonb) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    v_row public.ml_retraining_schedules;
    v_constraint text;
begin
    perform private.require_role('admin', p_actor);
    perform private.refuse_unknown_fields(
        p_changes, array['cron', 'time_zone', 'enabled'], 'A change of a schedule'
    );
    if p_changes ? 'time_zone' then
        perform private.check_time_zone(p_changes ->> 'time_zone');
    end if;
    -- The next run is computed anew: slots missed while it was off do not run later.
    update public.ml_retraining_schedules as s set
        cron = coalesce(p_changes ->> 'cron', s.cron),
        time_zone = coalesce(p_changes ->> 'time_zone', s.time_zone),
        enabled = coalesce((p_changes ->> 'enabled')::boolean, s.enabled),
        next_run_at = null,
        updated_at = pg_catalog.clock_timestamp()
    where s.id = p_id
    returning * into v_row;
    if not found then
        perform private.raise_error(404, 'not_found', pg_catalog.format('There is no schedule %s.', p_id));
    end if;
    return pg_catalog.to_jsonb(v_row);
exception
    when check_violation then
        get stacked diagnostics v_constraint = constraint_name;
        perform private.raise_constraint('public.ml_retraining_schedules', v_constraint);
end
$$;
comment on function private.update_schedule(uuid, jsonb, jsonb) is
'See public.update_schedule.';

create function public.create_schedule(
    p_model_type text, p_kind public.ml_schedule_kind, p_cron text,
    p_time_zone text default 'UTC', p_environment public.ml_environment default 'production',
    p_actor jsonb default null
) returns jsonb
language sql
set search_path = ''
return private.create_schedule(
    p_model_type, p_environment, p_kind, p_cron, p_time_zone, p_actor
);
comment on function public.create_schedule(
    text, public.ml_schedule_kind, text, text, public.ml_environment, jsonb
) is
'request, admin: adds a schedule of performance checks or forced retrainings.';

create function public.update_schedule(
    p_id uuid, p_changes jsonb, p_actor jsonb default null
) returns jsonb
language sql
set search_path = ''
return private.update_schedule(p_id, p_changes, p_actor);
comment on function public.update_schedule(uuid, jsonb, jsonb) is
'request, admin: changes, pauses or resumes a schedule.';

select private.set_function_class(f, 'request')
from unnest(array[
    'private.raise_constraint(regclass, text)',
    'private.refuse_unknown_fields(jsonb, text[], text)', 'private.get_model_type(text)',
    'private.create_model_type(jsonb, jsonb)', 'private.update_model_type(text, jsonb, jsonb)',
    'public.create_model_type(jsonb, jsonb)', 'public.update_model_type(text, jsonb, jsonb)',
    'private.check_time_zone(text)',
    'private.create_schedule(text, public.ml_environment, public.ml_schedule_kind, text, text, jsonb)',
    'private.update_schedule(uuid, jsonb, jsonb)',
    'public.create_schedule(text, public.ml_schedule_kind, text, text, public.ml_environment, jsonb)',
    'public.update_schedule(uuid, jsonb, jsonb)'
]::regprocedure[]) as f;

select private.record_migration('20261124001500');
