-- The plan of a training that failed or was broken off: why it was to learn from these rows.
create or replace function private.finish_training_job(
    p_id uuid, p_lease_token uuid, p_outcome jsonb
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    v_job public.ml_training_jobs := private.hold_training_job(p_id, p_lease_token);
    v_status constant public.ml_job_status := p_outcome ->> 'status';
    v_check constant jsonb := p_outcome -> 'check';
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
    if pg_catalog.jsonb_typeof(v_check) = 'object' then
        perform private.insert_check(v_check, v_job.environment, v_job.id, null, v_job.as_of);
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
        check_result = nullif(v_check, 'null') - 'monitor',
        plan = coalesce(
            nullif(p_outcome -> 'model' -> 'plan', 'null'), nullif(p_outcome -> 'plan', 'null')
        ),
        fingerprint = nullif(p_outcome -> 'fingerprint', 'null'),
        result = v_result,
        skip_reason = p_outcome ->> 'skip_reason',
        skip_figures = nullif(p_outcome -> 'skip_figures', 'null'),
        error = nullif(p_outcome -> 'error', 'null')
    where id = p_id
    returning * into v_job;
    return private.training_job_json(v_job) || pg_catalog.jsonb_build_object(
        'follow_up_id', private.close_training_job(v_job)
    );
end
$$;

select private.record_migration('20261124190200');
