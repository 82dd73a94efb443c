-- A model type: where its rows are, what they mean, and the thresholds of its decisions.
create table public.ml_model_types (
    name text primary key,
    title text not null default '',
    description text not null default '',
    owner text not null default '',
    enabled boolean not null default true,
    task public.ml_task not null,
    source_relation text not null,
    key_columns text[] not null,
    time_column text not null,
    label_time_column text,
    label_delay interval not null default '0 seconds',
    target_column text not null,
    feature_columns text[] not null,
    engine text not null default 'gradient_boosting',
    engine_parameters jsonb not null default '{}',
    metric text not null,
    training_window interval,
    retraining_threshold double precision not null default 0.03,
    auto_deployment_threshold double precision not null default 0.02,
    min_training_samples integer not null default 100,
    update_frequency text not null default 'daily',
    final_fit boolean not null default true,
    random_seed integer not null default 0,
    replay boolean not null default false,
    created_at timestamptz not null default pg_catalog.clock_timestamp(),
    updated_at timestamptz not null default pg_catalog.clock_timestamp(),
    constraint ml_model_types_name_is_plain check (name ~ '^[a-z][a-z0-9_]{0,62}$'),
    constraint ml_model_types_relation_is_qualified check (
        source_relation ~ '^[^.]+\.[^.]+$'
    ),
    constraint ml_model_types_has_keys check (
        pg_catalog.cardinality(key_columns) between 1 and 32
        and pg_catalog.array_position(key_columns, null) is null
    ),
    constraint ml_model_types_has_features check (
        pg_catalog.cardinality(feature_columns) between 1 and 1000
        and pg_catalog.array_position(feature_columns, null) is null
    ),
    constraint ml_model_types_target_is_no_feature check (
        not (target_column = any(feature_columns))
    ),
    constraint ml_model_types_label_time_is_no_feature check (
        label_time_column is null or not (label_time_column = any(feature_columns))
    ),
    constraint ml_model_types_label_delay_in_range check (
        label_delay between interval '0' and interval '5 years'
    ),
    constraint ml_model_types_engine_is_named check (
        engine ~ '^[a-z_]+$' or engine ~ '^[A-Za-z_][\w.]*:[A-Za-z_]\w*$'
    ),
    constraint ml_model_types_parameters_are_an_object check (
        pg_catalog.jsonb_typeof(engine_parameters) = 'object'
    ),
    constraint ml_model_types_metric_fits_task check (
        (task = 'classification' and metric in ('accuracy', 'f1', 'roc_auc', 'log_loss'))
        or (task = 'regression' and metric in ('r2', 'mae', 'rmse', 'mape'))
    ),
    constraint ml_model_types_window_in_range check (
        training_window between interval '1 minute' and interval '100 years'
    ),
    constraint ml_model_types_retraining_threshold_in_range check (
        retraining_threshold between 0.0001 and 1
    ),
    constraint ml_model_types_auto_deployment_threshold_in_range check (
        auto_deployment_threshold between 0 and 1
    ),
    constraint ml_model_types_min_training_samples_in_range check (
        min_training_samples between 20 and 100000000
    ),
    constraint ml_model_types_update_frequency_is_known check (
        update_frequency in ('hourly', 'daily', 'weekly')
    )
);
comment on table public.ml_model_types is
'Prediction tasks: source relation, keys, times, target, features, engine, metric and thresholds.';
comment on column public.ml_model_types.source_relation is
'schema.name of a table or view, as in the catalogue (not quoted).';
comment on column public.ml_model_types.key_columns is 'Each row counts once by these.';
comment on column public.ml_model_types.time_column is 'When the example happened.';
comment on column public.ml_model_types.label_time_column is
'When the example''s target became known; without it, time + label_delay.';
comment on column public.ml_model_types.retraining_threshold is
'Absolute points for metrics in [0, 1]; relative to the baseline for MAE, RMSE, MAPE and log loss.';
comment on column public.ml_model_types.training_window is
'How far back a training looks; null: all history.';
comment on column public.ml_model_types.replay is
'Whether admins may judge it as of another time: for demos and backtests, never for live types.';
comment on column public.ml_model_types.update_frequency is
'How often a metric and a quality row are written when no check ran.';
comment on constraint ml_model_types_name_is_plain on public.ml_model_types is
'name must be lower-case letters, digits and underscores, start with a letter, and be at most 63 long.';
comment on constraint ml_model_types_relation_is_qualified on public.ml_model_types is
'source_relation must be schema.name, such as public.orders.';
comment on constraint ml_model_types_has_keys on public.ml_model_types is
'key_columns must name 1 to 32 columns that identify a row.';
comment on constraint ml_model_types_has_features on public.ml_model_types is
'feature_columns must name 1 to 1000 columns.';
comment on constraint ml_model_types_target_is_no_feature on public.ml_model_types is
'target_column must not be among feature_columns: the model would be told the answer.';
comment on constraint ml_model_types_label_time_is_no_feature on public.ml_model_types is
'label_time_column must not be among feature_columns: it is known only with the answer.';
comment on constraint ml_model_types_label_delay_in_range on public.ml_model_types is
'label_delay must be between 0 and 5 years.';
comment on constraint ml_model_types_engine_is_named on public.ml_model_types is
'engine must be a built-in name or package.module:factory.';
comment on constraint ml_model_types_parameters_are_an_object on public.ml_model_types is
'engine_parameters must be an object.';
comment on constraint ml_model_types_metric_fits_task on public.ml_model_types is
'metric must fit the task: accuracy, f1, roc_auc or log_loss for classification; r2, mae, rmse or mape for regression.';
comment on constraint ml_model_types_window_in_range on public.ml_model_types is
'training_window must be between 1 minute and 100 years.';
comment on constraint ml_model_types_retraining_threshold_in_range on public.ml_model_types is
'retraining_threshold must be between 0.0001 and 1.';
comment on constraint ml_model_types_auto_deployment_threshold_in_range on public.ml_model_types is
'auto_deployment_threshold must be between 0 and 1.';
comment on constraint ml_model_types_min_training_samples_in_range on public.ml_model_types is
'min_training_samples must be between 20 and 100000000.';
comment on constraint ml_model_types_update_frequency_is_known on public.ml_model_types is
'update_frequency must be hourly, daily or weekly.';

select private.record_migration('20261124000400');
