-- Asking for a training, and taking a request back.
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

create function private.serves_request(p_job public.ml_training_jobs, p_request jsonb)
returns boolean
language sql stable
set search_path = ''
return p_job.status = 'queued' or (
    p_job.cancel_requested_at is null
    and p_job.as_of is not distinct from (p_request ->> 'as_of')::timestamptz
    and p_job.force >= (p_request ->> 'force')::boolean
    and p_job.override_limits >= (p_request ->> 'override_limits')::boolean
    and p_job.auto_validate >= (p_request ->> 'auto_validate')::boolean
    and p_job.auto_deploy >= (p_request ->> 'auto_deploy')::boolean
);
comment on function private.serves_request(public.ml_training_jobs, jsonb) is
'Whether an active job does all that is asked: a queued one can still be told, a running one must be doing it.';

create function private.merge_requests(p_first jsonb, p_second jsonb) returns jsonb
language plpgsql stable
set search_path = ''
as $$
begin
    if (p_first ->> 'as_of')::timestamptz is distinct from (p_second ->> 'as_of')::timestamptz then
        perform private.raise_error(
            409, 'conflict',
            pg_catalog.format(
                'as_of %s: a training is waiting that is to judge as of %s.',
                coalesce(p_second ->> 'as_of', 'now'), coalesce(p_first ->> 'as_of', 'now')
            ),
            'Wait for its end, or cancel it.'
        );
    end if;
    -- Nothing that one of them asked for is lost, and nothing deploys that one did not want to.
    return p_first || pg_catalog.jsonb_build_object(
        'force', (p_first ->> 'force')::boolean or (p_second ->> 'force')::boolean,
        'override_limits',
        (p_first ->> 'override_limits')::boolean or (p_second ->> 'override_limits')::boolean,
        'auto_validate',
        (p_first ->> 'auto_validate')::boolean or (p_second ->> 'auto_validate')::boolean,
        'auto_deploy',
        (p_first ->> 'auto_deploy')::boolean and (p_second ->> 'auto_deploy')::boolean
    );
end
$$;
comment on function private.merge_requests(jsonb, jsonb) is
'Two requests as one: forced and validated when either asks for it, deployed when both do; a 409 when they judge by different times.';

create function private.join_training_job(
    p_job public.ml_training_jobs, p_request jsonb, p_follows boolean
) returns void
language plpgsql
set search_path = ''
as $$
declare
    v_merged jsonb;
begin
    if p_follows then
        update public.ml_training_jobs set follow_up = case
            when p_job.follow_up is null
                then p_request || pg_catalog.jsonb_build_object('id', pg_catalog.gen_random_uuid())
            else private.merge_requests(p_job.follow_up, p_request)
        end
        where id = p_job.id;
    elsif p_job.status = 'queued' then
        v_merged := private.merge_requests(pg_catalog.to_jsonb(p_job), p_request);
        update public.ml_training_jobs set
            force = (v_merged ->> 'force')::boolean,
            override_limits = (v_merged ->> 'override_limits')::boolean,
            auto_validate = (v_merged ->> 'auto_validate')::boolean,
            auto_deploy = (v_merged ->> 'auto_deploy')::boolean
        where id = p_job.id;
    end if;
end
$$;
comment on function private.join_training_job(public.ml_training_jobs, jsonb, boolean) is
'Joins a request to the active job, locked by the caller: to itself while it is queued, to what follows it when it cannot serve it any more.';

create function private.close_training_job(p_job public.ml_training_jobs) returns uuid
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
            'environment', p_job.environment, 'status', p_job.status, 'result', p_job.result,
            'skip_reason', p_job.skip_reason, 'error', p_job.error
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
comment on function private.close_training_job(public.ml_training_jobs) is
'What an end brings with it, in its transaction: callbacks to send, and the job that follows; returns that one''s id.';

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
            insert into private.training_job_callbacks (job_id, url, for_follow_up)
            values (v_job.id, p_webhook_url, v_follows) on conflict do nothing;
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
'request, operator: queues a training job per model type; a second request joins the active one, or follows it when that runs already and does less. Without force the job checks first and is skipped when the champion is healthy.';

select private.set_function_class(f, 'internal')
from unnest(array[
    'private.check_text(text, text, integer, boolean)',
    'private.resolve_model_types(text[], timestamptz, jsonb)',
    'private.serves_request(public.ml_training_jobs, jsonb)',
    'private.merge_requests(jsonb, jsonb)',
    'private.join_training_job(public.ml_training_jobs, jsonb, boolean)',
    'private.close_training_job(public.ml_training_jobs)'
]::regprocedure[]) as f;

select private.set_function_class(f, 'request')
from unnest(array[
    'private.trigger_retraining(text[], boolean, boolean, public.ml_environment, boolean, boolean, text, text, timestamptz, text, text, jsonb)',
    'public.trigger_retraining(text[], boolean, boolean, public.ml_environment, boolean, boolean, text, text, timestamptz, text, text, jsonb)'
]::regprocedure[]) as f;

select private.record_migration('20261124001600');
