-- Asking for work: a training, a check, a validation, a deployment; taking a request back.
create function private.check_text(
    p_field text, p_value text, p_max_length integer, p_needed boolean
) returns void
language plpgsql stable
set search_path = ''
as $$
begin
    if p_needed and coalesce(pg_catalog.btrim(p_value), '') = '' then
        perform private.raise_error(422, 'invalid_request', p_field || ' is needed.');
    end if;
    if pg_catalog.length(p_value) > p_max_length then
        perform private.raise_error(
            422, 'invalid_request',
            pg_catalog.format('%s must have at most %s characters.', p_field, p_max_length)
        );
    end if;
end
$$;
comment on function private.check_text(text, text, integer, boolean) is
'A 422 that names a text that is missing or too long.';

create function private.resolve_model_types(p_names text[], p_as_of timestamptz, p_actor jsonb)
returns setof public.ml_model_types
language plpgsql
set search_path = ''
as $$
declare
    v_row public.ml_model_types;
    v_name text;
begin
    if p_names is null then
        return query select * from public.ml_model_types where enabled order by name;
        if not found then
            perform private.raise_error(
                422, 'invalid_request', 'There is no enabled model type.',
                'refit model-types create makes one.'
            );
        end if;
        -- as_of judges by another time: it must be meant for every one of them.
    elsif pg_catalog.cardinality(p_names) = 0 then
        perform private.raise_error(
            422, 'invalid_request', 'model_types is empty.', 'Leave it out to mean all enabled ones.'
        );
    end if;
    if p_as_of is not null then
        perform private.require_role('admin', p_actor);
        if p_names is null then
            perform private.raise_error(
                422, 'invalid_request', 'as_of needs model_types: only those with replay = true take it.'
            );
        end if;
    end if;
    foreach v_name in array coalesce(p_names, array[]::text []) loop
        v_row := private.get_model_type(v_name);
        if not v_row.enabled then
            perform private.raise_error(
                422, 'invalid_request', pg_catalog.format('The model type %s is disabled.', v_name),
                'Enable it first.'
            );
        end if;
        if p_as_of is not null and not v_row.replay then
            perform private.raise_error(
                422, 'invalid_request',
                pg_catalog.format('as_of is not for the model type %s: it serves the present.', v_name),
                'Only model types made with replay = true take it.'
            );
        end if;
        return next v_row;
    end loop;
end
$$;
comment on function private.resolve_model_types(text[], timestamptz, jsonb) is
'The model types that a request means: those named, or all enabled ones.';

create function private.trigger_retraining(
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
    v_job public.ml_training_jobs;
    v_coalesced boolean;
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
            -- A job that nobody has claimed yet takes the stronger wish; a running one cannot.
            update public.ml_training_jobs as j set
                force = j.force or (j.status = 'queued' and p_force),
                override_limits = j.override_limits or (j.status = 'queued' and p_override_limits)
            where j.model_type = v_type.name and j.environment = p_environment
                and j.status in ('queued', 'running')
            returning * into v_job;
            exit when found;
        end loop;
        if v_job.id is null then
            perform private.raise_error(
                409, 'conflict',
                pg_catalog.format('Jobs of %s come and go too quickly.', v_type.name), 'Try again.'
            );
        end if;
        if p_webhook_url is not null then
            insert into private.training_job_callbacks (job_id, url)
            values (v_job.id, p_webhook_url) on conflict do nothing;
        end if;
        v_jobs := v_jobs || pg_catalog.jsonb_build_object(
            'id', v_job.id, 'model_type', v_job.model_type, 'status', v_job.status,
            'coalesced', v_coalesced
        );
    end loop;
    return pg_catalog.jsonb_build_object('jobs', v_jobs);
end
$$;
comment on function private.trigger_retraining(
    text[], boolean, boolean, public.ml_environment, boolean, boolean, text, text, timestamptz,
    text, text, jsonb
) is
'See public.trigger_retraining.';

create function public.trigger_retraining(
    p_model_types text[] default null, p_force boolean default false,
    p_override_limits boolean default false,
    p_environment public.ml_environment default 'production',
    p_auto_validate boolean default true, p_auto_deploy boolean default true,
    p_reason text default null, p_webhook_url text default null,
    p_as_of timestamptz default null, p_trigger text default 'manual',
    p_request_id text default null, p_actor jsonb default null
) returns jsonb
language sql
set search_path = ''
return private.trigger_retraining(
    p_model_types, p_force, p_override_limits, p_environment, p_auto_validate, p_auto_deploy,
    p_reason, p_webhook_url, p_as_of, p_trigger, p_request_id, p_actor
);
comment on function public.trigger_retraining(
    text[], boolean, boolean, public.ml_environment, boolean, boolean, text, text, timestamptz,
    text, text, jsonb
) is
'request, operator: queues a training job per model type; a second request joins the active one. Without force the job checks first and is skipped when the champion is healthy.';

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
                    'Train one first: refit retrain.'
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

create function private.cancel_job(p_id uuid, p_actor jsonb) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    v_actor constant jsonb := private.require_role('operator', p_actor);
    v_job public.ml_training_jobs;
begin
    select * into v_job from public.ml_training_jobs where id = p_id for update;
    if not found then
        perform private.raise_error(404, 'not_found', pg_catalog.format('There is no job %s.', p_id));
    end if;
    case v_job.status
        when 'queued' then
            update public.ml_training_jobs set
                status = 'cancelled', stage = 'cancelled',
                cancel_requested_at = pg_catalog.clock_timestamp(),
                finished_at = pg_catalog.clock_timestamp()
            where id = p_id
            returning * into v_job;
            perform private.queue_callbacks(v_job);
        when 'running' then
            update public.ml_training_jobs set
                cancel_requested_at = coalesce(cancel_requested_at, pg_catalog.clock_timestamp())
            where id = p_id
            returning * into v_job;
        when 'cancelled' then
            null;
        else
            perform private.raise_error(
                409, 'illegal_transition',
                pg_catalog.format('The job %s has ended: %s.', p_id, v_job.status)
            );
    end case;
    return pg_catalog.jsonb_build_object('job', private.training_job_json(v_job));
end
$$;
comment on function private.cancel_job(uuid, jsonb) is 'See public.cancel_job.';

create function public.cancel_job(p_id uuid, p_actor jsonb default null) returns jsonb
language sql
set search_path = ''
return private.cancel_job(p_id, p_actor);
comment on function public.cancel_job(uuid, jsonb) is
'request, operator: cancels a queued job at once, and asks the worker of a running one to stop.';

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

select private.record_migration('20261124001600');
