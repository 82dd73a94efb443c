-- How each row looks as JSON, in one place.
create function private.model_type_json(p_row public.ml_model_types) returns jsonb
language sql stable
set search_path = ''
return pg_catalog.to_jsonb(p_row) - 'label_delay' - 'training_window'
|| pg_catalog.jsonb_build_object(
    'label_delay_seconds', extract(epoch from p_row.label_delay)::double precision,
    'training_window_seconds', extract(epoch from p_row.training_window)::double precision
);
comment on function private.model_type_json(public.ml_model_types) is
'A model type as JSON, intervals in seconds.';

create function private.training_job_json(p_row public.ml_training_jobs) returns jsonb
language sql stable
set search_path = ''
return pg_catalog.to_jsonb(p_row) - 'lease_token';
comment on function private.training_job_json(public.ml_training_jobs) is
'A training job as JSON, without its lease token.';

create function private.operation_json(p_row public.ml_operations) returns jsonb
language sql stable
set search_path = ''
return pg_catalog.to_jsonb(p_row) - 'lease_token';
comment on function private.operation_json(public.ml_operations) is
'An operation as JSON, without its lease token.';

create function private.deployment_json(p_row public.ml_model_deployments) returns jsonb
language sql stable
set search_path = ''
return pg_catalog.to_jsonb(p_row) || pg_catalog.jsonb_build_object(
    'model_version', (
        select m.version from public.ml_models as m
        where m.id = p_row.model_id
    )
);
comment on function private.deployment_json(public.ml_model_deployments) is
'A deployment as JSON, with its model''s version.';

create function private.validation_json(p_row public.ml_model_validations) returns jsonb
language sql stable
set search_path = ''
return pg_catalog.to_jsonb(p_row) - 'ci_low' - 'ci_high' || pg_catalog.jsonb_build_object(
    'confidence_interval',
    case
        when p_row.ci_low is not null
            then pg_catalog.jsonb_build_array(p_row.ci_low, p_row.ci_high)
    end
);
comment on function private.validation_json(public.ml_model_validations) is
'A validation as JSON, its interval as a pair.';

create function private.champion_json(
    p_model_type text, p_environment public.ml_environment
) returns jsonb
language sql stable
set search_path = ''
return (
    select
        private.deployment_json(d) || pg_catalog.jsonb_build_object(
            'engine', m.engine,
            'library_versions', m.library_versions,
            'window_end', m.window_end
        )
    from public.ml_model_deployments as d
    inner join public.ml_models as m on d.model_id = m.id
    where d.model_type = p_model_type and d.environment = p_environment and d.status = 'active'
);
comment on function private.champion_json(text, public.ml_environment) is
'The active deployment of a model type in an environment, with what is needed to load and judge it; null when none serves.';

select private.set_function_class(f, 'request')
from unnest(array[
    'private.model_type_json(public.ml_model_types)',
    'private.training_job_json(public.ml_training_jobs)',
    'private.operation_json(public.ml_operations)',
    'private.deployment_json(public.ml_model_deployments)',
    'private.validation_json(public.ml_model_validations)',
    'private.champion_json(text, public.ml_environment)'
]::regprocedure[]) as f;

select private.record_migration('20261124001400');
