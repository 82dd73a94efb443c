-- A callback brings back the id of the request that asked for it.
create or replace function private.close_training_job(p_job public.ml_training_jobs) returns uuid
language plpgsql
set search_path = ''
as $$
declare
    v_next public.ml_training_jobs;
begin
    insert into public.ml_webhook_deliveries (training_job_id, url, event, payload)
    select
        p_job.id, c.url,
        case p_job.status
            when 'succeeded' then 'training.completed' else 'training.' || p_job.status
        end,
        pg_catalog.jsonb_build_object(
            'job_id', p_job.id, 'model_type', p_job.model_type,
            'environment', p_job.environment, 'status', p_job.status,
            'request_id', coalesce(c.request_id, p_job.request_id),
            'trigger', p_job.trigger, 'reason', p_job.reason, 'as_of', p_job.as_of,
            'created_at', p_job.created_at, 'finished_at', p_job.finished_at,
            'result', p_job.result, 'skip_reason', p_job.skip_reason, 'error', p_job.error
        )
    from private.training_job_callbacks as c
    where c.job_id = p_job.id and not c.for_follow_up;
    if p_job.follow_up is null then
        return null;
    end if;
    v_next := pg_catalog.jsonb_populate_record(null::public.ml_training_jobs, p_job.follow_up);
    insert into public.ml_training_jobs (
        id, model_type, environment, trigger, reason, requested_by, request_id, force,
        override_limits, auto_validate, auto_deploy, as_of
    ) values (
        v_next.id, p_job.model_type, p_job.environment, v_next.trigger, v_next.reason,
        v_next.requested_by, v_next.request_id, v_next.force, v_next.override_limits,
        v_next.auto_validate, v_next.auto_deploy, v_next.as_of
    );
    update private.training_job_callbacks set job_id = v_next.id, for_follow_up = false
    where job_id = p_job.id and for_follow_up;
    return v_next.id;
end
$$;

create or replace function private.trigger_retraining(
    p_model_types text[], p_force boolean, p_override_limits boolean,
    p_environment public.ml_environment, p_auto_validate boolean, p_auto_deploy boolean,
    p_reason text, p_webhook_url text, p_as_of timestamptz, p_trigger text, p_request_id text,
    p_actor jsonb
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    v_actor constant jsonb := private.require_role(
        case when p_override_limits then 'admin' else 'operator' end, p_actor
    );
    v_type public.ml_model_types;
    v_request constant jsonb := pg_catalog.jsonb_build_object(
        'trigger', p_trigger, 'reason', p_reason, 'requested_by', v_actor,
        'request_id', p_request_id, 'force', p_force, 'override_limits', p_override_limits,
        'auto_validate', p_auto_validate, 'auto_deploy', p_auto_deploy, 'as_of', p_as_of
    );
    v_job public.ml_training_jobs;
    v_coalesced boolean;
    v_follows boolean;
    v_jobs jsonb := '[]';
begin
    if p_auto_deploy and not p_auto_validate then
        perform private.raise_error(
            422, 'invalid_request', 'auto_deploy needs auto_validate: what was not proven is not deployed.',
            'Set auto_deploy to false, or leave auto_validate on.'
        );
    end if;
    perform private.check_text('reason', p_reason, 1000, false);
    if p_trigger is null or p_trigger !~ '^[a-z][a-z0-9_]{0,39}$' then
        perform private.raise_error(
            422, 'invalid_request', 'trigger must be a word of lower-case letters, digits and underscores.'
        );
    end if;
    if p_webhook_url !~* '^https?://[^\s]+$' or pg_catalog.length(p_webhook_url) > 2000 then
        perform private.raise_error(
            422, 'invalid_request', 'webhook_url must be an http or https address of at most 2000 characters.'
        );
    end if;
    -- Sorted, so that two requests for the same types cannot lock each other out.
    for v_type in
        select distinct on (t.name) t.*
        from private.resolve_model_types(p_model_types, p_as_of, p_actor) as t
        order by t.name
    loop
        perform private.act_as(v_actor);
        -- The active job may end between the two statements: then the next turn inserts.
        for _ in 1..5 loop
            insert into public.ml_training_jobs (
                model_type, environment, trigger, reason, requested_by, request_id, force,
                override_limits, auto_validate, auto_deploy, as_of
            ) values (
                v_type.name, p_environment, p_trigger, p_reason, v_actor, p_request_id, p_force,
                p_override_limits, p_auto_validate, p_auto_deploy, p_as_of
            )
            on conflict (model_type, environment) where status in ('queued', 'running') do nothing
            returning * into v_job;
            v_coalesced := not found;
            exit when not v_coalesced;
            select * into v_job from public.ml_training_jobs
            where model_type = v_type.name and environment = p_environment
                and status in ('queued', 'running')
            for no key update;
            exit when found;
        end loop;
        if v_job.id is null then
            perform private.raise_error(
                409, 'conflict',
                pg_catalog.format('Jobs of %s come and go too quickly.', v_type.name), 'Try again.'
            );
        end if;
        v_follows := v_coalesced and not private.serves_request(v_job, v_request);
        if v_coalesced then
            perform private.join_training_job(v_job, v_request, v_follows);
        end if;
        if p_webhook_url is not null then
            insert into private.training_job_callbacks (job_id, url, for_follow_up, request_id)
            values (v_job.id, p_webhook_url, v_follows, p_request_id) on conflict do nothing;
        end if;
        v_jobs := v_jobs || pg_catalog.jsonb_build_object(
            'id', v_job.id, 'model_type', v_job.model_type, 'status', v_job.status,
            'coalesced', v_coalesced
        );
    end loop;
    return pg_catalog.jsonb_build_object('jobs', v_jobs);
end
$$;

select private.record_migration('20261124010110');
