-- How often a model type may be trained: a pause between two trainings, and so many a month.
alter table public.ml_model_types
add column cool_down interval not null default '1 hour',
add column monthly_retraining_budget integer default 100,
add constraint ml_model_types_cool_down_in_range check (
    cool_down between interval '0' and interval '5 years'
),
add constraint ml_model_types_budget_in_range check (
    monthly_retraining_budget between 0 and 1000000
);
comment on column public.ml_model_types.cool_down is
'How long after a training has begun in an environment the next one may begin there.';
comment on column public.ml_model_types.monthly_retraining_budget is
'How many trainings may begin in an environment in a calendar month (UTC); null: no limit.';
comment on constraint ml_model_types_cool_down_in_range on public.ml_model_types is
'cool_down must be between 0 and 5 years.';
comment on constraint ml_model_types_budget_in_range on public.ml_model_types is
'monthly_retraining_budget must be between 0 and 1000000, or null for no limit.';

alter table public.ml_training_jobs add column training_begun_at timestamptz;
comment on column public.ml_training_jobs.training_begun_at is
'When it was decided to train, and the limits allowed it, by as_of where there is one; null: it has only checked so far.';
create index ml_training_jobs_begun
on public.ml_training_jobs (model_type, environment, training_begun_at desc)
where training_begun_at is not null;

create or replace trigger audit after insert or update on public.ml_model_types
for each row execute function private.audit_change(
    'model_type', 'name', 'title', 'description', 'owner', 'enabled', 'task', 'source_relation',
    'key_columns', 'time_column', 'label_time_column', 'label_delay', 'target_column',
    'feature_columns', 'engine', 'engine_parameters', 'metric', 'training_window',
    'retraining_threshold', 'auto_deployment_threshold', 'min_training_samples',
    'update_frequency', 'final_fit', 'random_seed', 'replay', 'cool_down',
    'monthly_retraining_budget'
);

create or replace function private.model_type_json(p_row public.ml_model_types) returns jsonb
language sql stable
set search_path = ''
return pg_catalog.to_jsonb(p_row) - 'label_delay' - 'training_window' - 'cool_down'
|| pg_catalog.jsonb_build_object(
    'label_delay_seconds', extract(epoch from p_row.label_delay)::double precision,
    'training_window_seconds', extract(epoch from p_row.training_window)::double precision,
    'cool_down_seconds', extract(epoch from p_row.cool_down)::double precision
);

create function private.format_utc(p_time timestamptz) returns text
language sql stable
set search_path = ''
return pg_catalog.to_char(p_time at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC';
comment on function private.format_utc(timestamptz) is
'A time in a sentence for people.';

create function private.find_training_limit(
    p_type public.ml_model_types, p_environment public.ml_environment, p_moment timestamptz
) returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
    v_month constant timestamptz
        := pg_catalog.date_trunc('month', p_moment at time zone 'UTC') at time zone 'UTC';
    v_next_month constant timestamptz
        := (v_month at time zone 'UTC' + interval '1 month') at time zone 'UTC';
    v_last timestamptz;
    v_begun bigint;
begin
    select pg_catalog.max(j.training_begun_at) into v_last
    from public.ml_training_jobs as j
    where j.model_type = p_type.name and j.environment = p_environment
        and j.training_begun_at <= p_moment;
    if v_last + p_type.cool_down > p_moment then
        return pg_catalog.jsonb_build_object(
            'until', v_last + p_type.cool_down,
            'reason', pg_catalog.format(
                'cool_down: the last training began at %s; the next may begin at %s.',
                private.format_utc(v_last), private.format_utc(v_last + p_type.cool_down)
            )
        );
    end if;
    if p_type.monthly_retraining_budget is null then
        return null;
    end if;
    select pg_catalog.count(*) into v_begun
    from public.ml_training_jobs as j
    where j.model_type = p_type.name and j.environment = p_environment
        and j.training_begun_at >= v_month and j.training_begun_at < v_next_month;
    if v_begun >= p_type.monthly_retraining_budget then
        return pg_catalog.jsonb_build_object(
            'until', v_next_month,
            'reason', pg_catalog.format(
                'monthly_retraining_budget: %s of %s trainings have begun this month; the next may begin at %s.',
                v_begun, p_type.monthly_retraining_budget, private.format_utc(v_next_month)
            )
        );
    end if;
    return null;
end
$$;
comment on function private.find_training_limit(
    public.ml_model_types, public.ml_environment, timestamptz
) is
'Which limit forbids a training at a time, with a reason and until when; null: none does.';

create function private.begin_training(p_id uuid, p_lease_token uuid) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    v_job constant public.ml_training_jobs := private.hold_training_job(p_id, p_lease_token);
    v_moment constant timestamptz := coalesce(v_job.as_of, pg_catalog.clock_timestamp());
    v_type public.ml_model_types;
    v_limit jsonb;
begin
    -- Counted and begun under the model type's lock, by limits that nobody changes meanwhile.
    select * into v_type from public.ml_model_types
    where name = v_job.model_type for no key update;
    -- A lost worker had begun it already: it goes on, and counts once.
    if v_job.training_begun_at is null then
        if not v_job.override_limits then
            v_limit := private.find_training_limit(v_type, v_job.environment, v_moment);
        end if;
        if v_limit is not null then
            return v_limit || pg_catalog.jsonb_build_object('allowed', false);
        end if;
        update public.ml_training_jobs set training_begun_at = v_moment where id = p_id;
    end if;
    return pg_catalog.jsonb_build_object('allowed', true);
end
$$;
comment on function private.begin_training(uuid, uuid) is 'See public.begin_training.';

create function public.begin_training(p_id uuid, p_lease_token uuid) returns jsonb
language sql
set search_path = ''
return private.begin_training(p_id, p_lease_token);
comment on function public.begin_training(uuid, uuid) is
'machinery: asks whether cool-down and budget allow the training that a job has decided on, and counts it; {allowed}, or {allowed, reason, until}.';

select private.set_function_class(f, 'internal')
from unnest(array[
    'private.format_utc(timestamptz)',
    'private.find_training_limit(public.ml_model_types, public.ml_environment, timestamptz)'
]::regprocedure[]) as f;

select private.set_function_class(f, 'machinery')
from unnest(array[
    'private.begin_training(uuid, uuid)', 'public.begin_training(uuid, uuid)'
]::regprocedure[]) as f;

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
        'monthly_retraining_budget'
    ];
    v_defaults constant jsonb := pg_catalog.jsonb_build_object(
        'title', '', 'description', '', 'owner', '', 'enabled', true, 'label_delay', '0 seconds',
        'engine', 'gradient_boosting', 'engine_parameters', '{}'::jsonb,
        'retraining_threshold', 0.03, 'auto_deployment_threshold', 0.02,
        'min_training_samples', 100, 'update_frequency', 'daily', 'final_fit', true,
        'random_seed', 0, 'replay', false, 'cool_down', '1 hour', 'monthly_retraining_budget', 100
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
        'random_seed', 'cool_down', 'monthly_retraining_budget'
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

select private.record_migration('20261124010300');
