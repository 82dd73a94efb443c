-- How a training job ends: everything that came of it is written in one transaction.
create function private.insert_validation(
    p_model public.ml_models, p_environment public.ml_environment, p_validation jsonb,
    p_job_id uuid, p_operation_id uuid, p_as_of timestamptz
) returns public.ml_model_validations
language plpgsql
set search_path = ''
as $$
declare
    v_row public.ml_model_validations;
begin
    insert into public.ml_model_validations (
        model_id, model_type, environment, champion_deployment_id, training_job_id,
        operation_id, verdict, auto_deployable, improvement, ci_low, ci_high, samples, gates,
        reason, as_of
    ) values (
        p_model.id, p_model.model_type, p_environment,
        (p_validation ->> 'champion_deployment_id')::uuid, p_job_id, p_operation_id,
        (p_validation ->> 'verdict')::public.ml_validation_verdict,
        (p_validation ->> 'auto_deployable')::boolean,
        (p_validation ->> 'improvement')::double precision,
        (p_validation -> 'confidence_interval' ->> 0)::double precision,
        (p_validation -> 'confidence_interval' ->> 1)::double precision,
        (p_validation ->> 'samples')::integer, p_validation -> 'gates',
        p_validation ->> 'reason', p_as_of
    )
    returning * into v_row;
    -- The status is the model's global standing: once approved somewhere it stays approved, and
    -- an inconclusive judgement changes nothing.
    update public.ml_models as m set
        status = case
            when m.status = 'approved' or v_row.verdict = 'approved' then 'approved'
            when v_row.verdict = 'rejected' then 'rejected'
            else m.status
        end::public.ml_model_status,
        final_artifact_hash = coalesce(
            m.final_artifact_hash, p_validation -> 'final_fit' ->> 'artifact_hash'
        ),
        final_fit = coalesce(m.final_fit, nullif(p_validation -> 'final_fit', 'null'))
    where m.id = p_model.id;
    return v_row;
end
$$;
comment on function private.insert_validation(
    public.ml_models, public.ml_environment, jsonb, uuid, uuid, timestamptz
) is
'Writes a judgement, and what follows from it for the model''s standing.';

create function private.insert_check(
    p_check jsonb, p_environment public.ml_environment, p_job_id uuid, p_operation_id uuid,
    p_as_of timestamptz
) returns void
language plpgsql
set search_path = ''
as $$
declare
    v_type constant text := p_check ->> 'model_type';
begin
    if p_check ->> 'deployment_id' is null then
        return;
    end if;
    insert into public.ml_performance_metrics (
        model_type, environment, model_id, deployment_id, operation_id, training_job_id, as_of,
        window_start, window_end, metric, baseline, value, degradation, ci_low, ci_high,
        p_value, samples, threshold, verdict, needs_retraining, low_power, reason
    ) values (
        v_type, p_environment, (p_check ->> 'model_id')::uuid,
        (p_check ->> 'deployment_id')::uuid, p_operation_id, p_job_id, p_as_of,
        (p_check ->> 'window_start')::timestamptz, (p_check ->> 'window_end')::timestamptz,
        p_check ->> 'metric', (p_check ->> 'baseline')::double precision,
        (p_check ->> 'current')::double precision,
        (p_check ->> 'degradation')::double precision,
        (p_check -> 'confidence_interval' ->> 0)::double precision,
        (p_check -> 'confidence_interval' ->> 1)::double precision,
        (p_check ->> 'p_value')::double precision, (p_check ->> 'samples')::integer,
        (p_check ->> 'threshold')::double precision,
        (p_check ->> 'verdict')::public.ml_check_verdict,
        (p_check ->> 'needs_retraining')::boolean, (p_check ->> 'low_power')::boolean,
        p_check ->> 'reason'
    );
    -- The caller holds the model type's row lock. What is found out late about a deployment that
    -- serves no more says nothing about the one that does.
    if not exists (
        select from public.ml_model_deployments
        where id = (p_check ->> 'deployment_id')::uuid and status = 'active'
    ) then
        return;
    end if;
    if p_check ->> 'verdict' = 'degraded' then
        perform private.raise_alert(
            v_type, p_environment, 'performance_degradation', 'warning', p_check ->> 'reason',
            pg_catalog.jsonb_build_object(
                'baseline', p_check -> 'baseline', 'current', p_check -> 'current',
                'model_id', p_check -> 'model_id'
            )
        );
    elsif p_check ->> 'verdict' = 'healthy' then
        perform private.resolve_alert(v_type, p_environment, array['performance_degradation']);
    end if;
end
$$;
comment on function private.insert_check(
    jsonb, public.ml_environment, uuid, uuid, timestamptz
) is
'Writes a check''s metric, and opens or closes the alert that follows from it while the champion still serves.';

create function private.insert_trained_model(p_job public.ml_training_jobs, p_model jsonb)
returns public.ml_models
language plpgsql
set search_path = ''
as $$
declare
    v_row public.ml_models;
begin
    -- The caller holds the model type's row lock: max + 1 cannot be taken twice.
    insert into public.ml_models (
        model_type, version, training_job_id, artifact_hash, engine, parameters, metrics,
        reference, plan, fingerprint, library_versions, random_seed, train_end, window_start,
        window_end
    ) values (
        p_job.model_type,
        1 + coalesce(
            (select pg_catalog.max(m.version) from public.ml_models as m
            where m.model_type = p_job.model_type), 0
        ),
        p_job.id, p_model ->> 'artifact_hash', p_model ->> 'engine', p_model -> 'parameters',
        p_model -> 'metrics', p_model -> 'reference', p_model -> 'plan',
        p_model -> 'fingerprint', p_model -> 'library_versions',
        (p_model ->> 'random_seed')::integer, (p_model -> 'plan' ->> 'train_end')::timestamptz,
        (p_model -> 'plan' ->> 'window_start')::timestamptz,
        (p_model -> 'plan' ->> 'window_end')::timestamptz
    )
    returning * into v_row;
    return v_row;
end
$$;
comment on function private.insert_trained_model(public.ml_training_jobs, jsonb) is
'Writes the next version of a model type.';

create function private.finish_training(
    p_job public.ml_training_jobs, p_outcome jsonb
) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
    v_model public.ml_models;
    v_validation public.ml_model_validations;
    v_result jsonb;
    v_message text;
    v_name text;
begin
    v_model := private.insert_trained_model(p_job, p_outcome -> 'model');
    v_result := pg_catalog.jsonb_build_object(
        'model_id', v_model.id, 'model_version', v_model.version, 'deployed', false
    );
    if pg_catalog.jsonb_typeof(p_outcome -> 'validation') is distinct from 'object' then
        return v_result;
    end if;
    v_validation := private.insert_validation(
        v_model, p_job.environment, p_outcome -> 'validation', p_job.id, null, p_job.as_of
    );
    v_result := v_result || pg_catalog.jsonb_build_object(
        'validation_id', v_validation.id, 'verdict', v_validation.verdict,
        'auto_deployable', v_validation.auto_deployable,
        'improvement', v_validation.improvement, 'reason', v_validation.reason
    );
    if not (p_job.auto_deploy and v_validation.auto_deployable) then
        return v_result;
    end if;
    -- The model and its judgement are kept when the swap is refused: only the swap is undone.
    begin
        v_result := v_result || pg_catalog.jsonb_build_object(
            'deployed', true,
            'deployment_id', private.deploy_model(
                v_model.id, p_job.environment,
                coalesce(
                    p_outcome -> 'validation' -> 'final_fit' ->> 'artifact_hash',
                    p_outcome -> 'model' ->> 'artifact_hash'
                ),
                false, v_validation.reason, p_job.as_of, p_job.requested_by
            ) ->> 'id'
        );
    exception
        when sqlstate 'PT409' then
            get stacked diagnostics v_message = message_text, v_name = pg_exception_detail;
            v_result := v_result || pg_catalog.jsonb_build_object(
                'deployment_error',
                pg_catalog.jsonb_build_object('type', v_name, 'detail', v_message)
            );
            perform private.raise_alert(
                p_job.model_type, p_job.environment, 'deployment_issue', 'warning', v_message,
                pg_catalog.jsonb_build_object('model_id', v_model.id, 'type', v_name)
            );
    end;
    return v_result;
end
$$;
comment on function private.finish_training(public.ml_training_jobs, jsonb) is
'Writes model, validation and deployment of a job that succeeded.';

create function private.insert_quality(
    p_model_type text, p_job_id uuid, p_quality jsonb, p_as_of timestamptz
) returns void
language sql
set search_path = ''
as $$
    insert into public.ml_training_data_quality (
        model_type, training_job_id, score, row_count, missing_share, duplicate_rows, findings,
        as_of
    ) values (
        p_model_type, p_job_id, (p_quality ->> 'score')::double precision,
        (p_quality ->> 'rows')::integer, (p_quality ->> 'missing_share')::double precision,
        (p_quality ->> 'duplicate_rows')::integer, p_quality -> 'findings', p_as_of
    )
$$;
comment on function private.insert_quality(text, uuid, jsonb, timestamptz) is
'Writes how fit the rows of a training, or of the training window as it is now, were found.';

create function private.finish_training_job(
    p_id uuid, p_lease_token uuid, p_outcome jsonb
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    v_job public.ml_training_jobs := private.hold_training_job(p_id, p_lease_token);
    v_status constant public.ml_job_status := p_outcome ->> 'status';
    v_quality constant jsonb := p_outcome -> 'quality';
    v_retry constant boolean := v_status = 'failed'
        and coalesce((p_outcome ->> 'retry')::boolean, false)
        and v_job.attempt < 3 and v_job.cancel_requested_at is null;
    v_result jsonb;
begin
    if v_status in ('queued', 'running') then
        perform private.raise_error(409, 'illegal_transition', pg_catalog.format('A job cannot finish as %s.', v_status));
    end if;
    -- Locked in the order of every writer: model type first, then what belongs to it.
    perform from public.ml_model_types where name = v_job.model_type for no key update;
    if v_retry then
        update public.ml_training_jobs set
            status = 'queued', stage = 'queued', progress = 0, lease_token = null,
            lease_owner = null, lease_expires_at = null,
            queued_at = pg_catalog.clock_timestamp(), error = p_outcome -> 'error'
        where id = p_id
        returning * into v_job;
        return private.training_job_json(v_job);
    end if;
    if pg_catalog.jsonb_typeof(p_outcome -> 'check') = 'object' then
        perform private.insert_check(
            p_outcome -> 'check', v_job.environment, v_job.id, null, v_job.as_of
        );
    end if;
    if pg_catalog.jsonb_typeof(v_quality) = 'object' then
        perform private.insert_quality(v_job.model_type, v_job.id, v_quality, v_job.as_of);
    end if;
    if v_status = 'succeeded' then
        v_result := private.finish_training(v_job, p_outcome);
        perform private.resolve_alert(
            v_job.model_type, v_job.environment, array['training_failure', 'data_quality']
        );
    elsif v_status = 'failed' then
        perform private.raise_alert(
            v_job.model_type, v_job.environment,
            case p_outcome -> 'error' ->> 'type' when 'data' then 'data_quality' else 'training_failure' end,
            'critical', coalesce(p_outcome -> 'error' ->> 'detail', 'The training failed.'),
            pg_catalog.jsonb_build_object('job_id', v_job.id)
        );
    end if;
    update public.ml_training_jobs set
        status = v_status, stage = v_status::text,
        progress = case when v_status in ('succeeded', 'skipped') then 1 else progress end,
        lease_token = null, lease_expires_at = null,
        finished_at = pg_catalog.clock_timestamp(),
        check_result = nullif(p_outcome -> 'check', 'null'),
        plan = nullif(p_outcome -> 'model' -> 'plan', 'null'),
        fingerprint = nullif(p_outcome -> 'fingerprint', 'null'),
        result = v_result,
        skip_reason = p_outcome ->> 'skip_reason',
        error = nullif(p_outcome -> 'error', 'null')
    where id = p_id
    returning * into v_job;
    return private.training_job_json(v_job) || pg_catalog.jsonb_build_object(
        'follow_up_id', private.close_training_job(v_job)
    );
end
$$;
comment on function private.finish_training_job(uuid, uuid, jsonb) is
'See public.finish_training_job.';

create function public.finish_training_job(
    p_id uuid, p_lease_token uuid, p_outcome jsonb
) returns jsonb
language sql
set search_path = ''
return private.finish_training_job(p_id, p_lease_token, p_outcome);
comment on function public.finish_training_job(uuid, uuid, jsonb) is
'machinery: ends a job with everything that came of it (check, quality, model, validation, deployment, callbacks, the job that follows) in one transaction.';

select private.set_function_class(f, 'internal')
from unnest(array[
    'private.insert_quality(text, uuid, jsonb, timestamptz)',
    'private.insert_validation(public.ml_models, public.ml_environment, jsonb, uuid, uuid, timestamptz)',
    'private.insert_check(jsonb, public.ml_environment, uuid, uuid, timestamptz)',
    'private.insert_trained_model(public.ml_training_jobs, jsonb)',
    'private.finish_training(public.ml_training_jobs, jsonb)'
]::regprocedure[]) as f;

select private.set_function_class(f, 'machinery')
from unnest(array[
    'private.finish_training_job(uuid, uuid, jsonb)',
    'public.finish_training_job(uuid, uuid, jsonb)'
]::regprocedure[]) as f;

select private.record_migration('20261124001850');
