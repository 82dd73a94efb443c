-- How a model type is trained, and what else than its metric a model has to keep to.
alter table public.ml_model_types
add column window_strategy text not null default 'sliding',
add column recency_half_life interval,
add column class_weight text not null default 'none',
add column search_seconds integer not null default 0,
add column entity_column text,
add column slice_columns text[] not null default '{}',
add column latency_budget_ms double precision,
add column size_budget_mb double precision,
add column dry_run_gates text[] not null default '{}',
add constraint ml_model_types_window_strategy_is_known check (
    window_strategy in ('sliding', 'expanding', 'adaptive')
),
add constraint ml_model_types_half_life_in_range check (
    recency_half_life between interval '1 minute' and interval '100 years'
),
add constraint ml_model_types_class_weight_is_known check (
    class_weight in ('none', 'balanced')
),
add constraint ml_model_types_class_weight_fits_task check (
    class_weight = 'none' or task = 'classification'
),
add constraint ml_model_types_search_seconds_in_range check (
    search_seconds between 0 and 86400
),
add constraint ml_model_types_slices_are_columns check (
    pg_catalog.cardinality(slice_columns) <= 32
    and pg_catalog.array_position(slice_columns, null) is null
),
add constraint ml_model_types_latency_budget_in_range check (
    latency_budget_ms > 0 and latency_budget_ms <= 3600000
),
add constraint ml_model_types_size_budget_in_range check (
    size_budget_mb > 0 and size_budget_mb <= 1000000
),
add constraint ml_model_types_dry_run_gates_are_named check (
    pg_catalog.cardinality(dry_run_gates) <= 100
    and pg_catalog.array_position(dry_run_gates, null) is null
    and pg_catalog.array_to_string(dry_run_gates, ',') ~ '^([a-z0-9_]+(,[a-z0-9_]+)*)?$'
);
comment on column public.ml_model_types.window_strategy is
'sliding: the newest rows, as far back as training_window; expanding: all history; adaptive: as far back as does best on the newest labelled rows.';
comment on column public.ml_model_types.recency_half_life is
'A row this much older weighs half as much in a training; null: all weigh the same.';
comment on column public.ml_model_types.class_weight is
'balanced: each class weighs the same in a training, however few its rows; none: each row does.';
comment on column public.ml_model_types.search_seconds is
'How long a training may search for better parameters of its engine; 0: it does not.';
comment on column public.ml_model_types.entity_column is
'Whose rows depend on each other, such as a customer: they are no independent evidence.';
comment on column public.ml_model_types.slice_columns is
'A challenger must not be worse for any value of these.';
comment on column public.ml_model_types.latency_budget_ms is
'How long predicting one row may take, 95th percentile; null: as long as it takes.';
comment on column public.ml_model_types.size_budget_mb is
'How large a stored model may be, in megabytes; null: any size.';
comment on column public.ml_model_types.dry_run_gates is
'Gates that are recorded with a validation and never block it.';
comment on constraint ml_model_types_window_strategy_is_known on public.ml_model_types is
'window_strategy must be sliding, expanding or adaptive.';
comment on constraint ml_model_types_half_life_in_range on public.ml_model_types is
'recency_half_life must be between 1 minute and 100 years, or null for none.';
comment on constraint ml_model_types_class_weight_is_known on public.ml_model_types is
'class_weight must be none or balanced.';
comment on constraint ml_model_types_class_weight_fits_task on public.ml_model_types is
'class_weight must be none where no classes are predicted.';
comment on constraint ml_model_types_search_seconds_in_range on public.ml_model_types is
'search_seconds must be between 0 and 86400.';
comment on constraint ml_model_types_slices_are_columns on public.ml_model_types is
'slice_columns must name at most 32 columns.';
comment on constraint ml_model_types_latency_budget_in_range on public.ml_model_types is
'latency_budget_ms must be more than 0 and at most 3600000, or null for none.';
comment on constraint ml_model_types_size_budget_in_range on public.ml_model_types is
'size_budget_mb must be more than 0 and at most 1000000, or null for none.';
comment on constraint ml_model_types_dry_run_gates_are_named on public.ml_model_types is
'dry_run_gates must name at most 100 gates, each in lower-case letters, digits and underscores.';

create or replace trigger audit after insert or update on public.ml_model_types
for each row execute function private.audit_change(
    'model_type', 'name', 'title', 'description', 'owner', 'enabled', 'task', 'source_relation',
    'key_columns', 'time_column', 'label_time_column', 'label_delay', 'target_column',
    'feature_columns', 'engine', 'engine_parameters', 'metric', 'training_window',
    'retraining_threshold', 'auto_deployment_threshold', 'min_training_samples',
    'update_frequency', 'final_fit', 'random_seed', 'replay', 'cool_down',
    'monthly_retraining_budget', 'window_strategy', 'recency_half_life', 'class_weight',
    'search_seconds', 'entity_column', 'slice_columns', 'latency_budget_ms', 'size_budget_mb',
    'dry_run_gates'
);

create or replace function private.model_type_json(p_row public.ml_model_types) returns jsonb
language sql stable
set search_path = ''
return pg_catalog.to_jsonb(p_row)
- 'label_delay' - 'training_window' - 'cool_down' - 'recency_half_life'
|| pg_catalog.jsonb_build_object(
    'label_delay_seconds', extract(epoch from p_row.label_delay)::double precision,
    'training_window_seconds', extract(epoch from p_row.training_window)::double precision,
    'cool_down_seconds', extract(epoch from p_row.cool_down)::double precision,
    'recency_half_life_seconds', extract(epoch from p_row.recency_half_life)::double precision
);

create or replace function private.create_model_type(p_definition jsonb, p_actor jsonb) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    v_known constant text [] := array[
        'name', 'title', 'description', 'owner', 'enabled', 'task', 'source_relation',
        'key_columns', 'time_column', 'label_time_column', 'label_delay', 'target_column',
        'feature_columns', 'engine', 'engine_parameters', 'metric', 'training_window',
        'retraining_threshold', 'auto_deployment_threshold', 'min_training_samples',
        'update_frequency', 'final_fit', 'random_seed', 'replay', 'cool_down',
        'monthly_retraining_budget', 'window_strategy', 'recency_half_life',
        'class_weight', 'search_seconds', 'entity_column', 'slice_columns', 'latency_budget_ms',
        'size_budget_mb', 'dry_run_gates'
    ];
    v_defaults constant jsonb := pg_catalog.jsonb_build_object(
        'title', '', 'description', '', 'owner', '', 'enabled', true, 'label_delay', '0 seconds',
        'engine', 'gradient_boosting', 'engine_parameters', '{}'::jsonb,
        'retraining_threshold', 0.03, 'auto_deployment_threshold', 0.02,
        'min_training_samples', 100, 'update_frequency', 'daily', 'final_fit', true,
        'random_seed', 0, 'replay', false, 'cool_down', '1 hour', 'monthly_retraining_budget', 100,
        'window_strategy', 'sliding', 'class_weight', 'none', 'search_seconds', 0,
        'slice_columns', '[]'::jsonb, 'dry_run_gates', '[]'::jsonb
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
            -- A null means the default, but no limit for a budget; inside engine_parameters it is
            -- a value like any other.
            || (
                select coalesce(pg_catalog.jsonb_object_agg(d.key, d.value), '{}')
                from pg_catalog.jsonb_each(p_definition) as d
                where d.value <> 'null' or d.key = 'monthly_retraining_budget'
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

create or replace function private.update_model_type(
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
        'random_seed', 'cool_down', 'monthly_retraining_budget', 'window_strategy', 'recency_half_life',
        'class_weight', 'search_seconds', 'entity_column', 'slice_columns', 'latency_budget_ms',
        'size_budget_mb', 'dry_run_gates'
    ];
    v_was_enabled boolean;
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
    v_was_enabled := v_row.enabled;
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
            random_seed = v_row.random_seed, cool_down = v_row.cool_down,
            monthly_retraining_budget = v_row.monthly_retraining_budget,
            window_strategy = v_row.window_strategy,
            recency_half_life = v_row.recency_half_life, class_weight = v_row.class_weight,
            search_seconds = v_row.search_seconds, entity_column = v_row.entity_column,
            slice_columns = v_row.slice_columns, latency_budget_ms = v_row.latency_budget_ms,
            size_budget_mb = v_row.size_budget_mb, dry_run_gates = v_row.dry_run_gates,
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
    if v_row.enabled and not v_was_enabled then
        -- Slots that were missed while it was off do not run later.
        update public.ml_retraining_schedules set next_run_at = null where model_type = p_name;
    end if;
    return private.model_type_json(v_row);
end
$$;

select private.record_migration('20261124160000');
