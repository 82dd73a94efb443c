-- One sender for each event: whoever tells people itself (n8n) asks for work without a message.
alter table public.ml_training_jobs add column notify boolean not null default true;
comment on column public.ml_training_jobs.notify is
'Whether Refit tells people how it ended; false: who asked for it does.';

create or replace trigger audit after insert or update of
status, attempt, trigger, reason, force, override_limits, auto_validate, auto_deploy, notify,
as_of, follow_up, cancel_requested_at, skip_reason, result, error
on public.ml_training_jobs
for each row execute function private.audit_change(
    'training_job', 'status', 'attempt', 'trigger', 'reason', 'force', 'override_limits',
    'auto_validate', 'auto_deploy', 'notify', 'as_of', 'follow_up', 'cancel_requested_at',
    'skip_reason', 'result', 'error'
);

create or replace function private.merge_requests(p_first jsonb, p_second jsonb) returns jsonb
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
        (p_first ->> 'auto_deploy')::boolean and (p_second ->> 'auto_deploy')::boolean,
        -- What was asked before there was such a wish wants to be told.
        'notify',
        coalesce((p_first ->> 'notify')::boolean, true) or (p_second ->> 'notify')::boolean
    );
end
$$;
comment on function private.merge_requests(jsonb, jsonb) is
'Two requests as one: forced, validated and told when either asks for it, deployed when both do; a 409 when they judge by different times.';

create or replace function private.join_training_job(
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
            auto_deploy = (v_merged ->> 'auto_deploy')::boolean,
            notify = (v_merged ->> 'notify')::boolean
        where id = p_job.id;
    elsif (p_request ->> 'notify')::boolean and not p_job.notify then
        -- Read when it ends: a running one can still be told.
        update public.ml_training_jobs set notify = true where id = p_job.id;
    end if;
end
$$;

create or replace function private.close_training_job(p_job public.ml_training_jobs) returns uuid
language plpgsql
set search_path = ''
as $$
declare
    v_served constant text := pg_catalog.current_setting('refit.request_id', true);
    v_callback record;
    v_next public.ml_training_jobs;
begin
    -- A callback, and the job that follows, belong to the requests that asked for them.
    for v_callback in
        select c.url, coalesce(c.request_id, p_job.request_id) as request_id
        from private.training_job_callbacks as c
        where c.job_id = p_job.id and not c.for_follow_up
    loop
        perform private.serve_request(coalesce(v_callback.request_id, v_served));
        insert into public.ml_webhook_deliveries (training_job_id, url, event, payload)
        values (
            p_job.id, v_callback.url,
            case p_job.status
                when 'succeeded' then 'training.completed' else 'training.' || p_job.status
            end,
            pg_catalog.jsonb_build_object(
                'job_id', p_job.id, 'model_type', p_job.model_type,
                'environment', p_job.environment, 'status', p_job.status,
                'request_id', v_callback.request_id,
                'trigger', p_job.trigger, 'reason', p_job.reason, 'as_of', p_job.as_of,
                'created_at', p_job.created_at, 'finished_at', p_job.finished_at,
                'result', p_job.result, 'skip_reason', p_job.skip_reason, 'error', p_job.error
            )
        );
    end loop;
    perform private.serve_request(v_served);
    if p_job.follow_up is null then
        return null;
    end if;
    v_next := pg_catalog.jsonb_populate_record(null::public.ml_training_jobs, p_job.follow_up);
    perform private.serve_request(v_next.request_id);
    insert into public.ml_training_jobs (
        id, model_type, environment, trigger, reason, requested_by, request_id, force,
        override_limits, auto_validate, auto_deploy, notify, as_of
    ) values (
        v_next.id, p_job.model_type, p_job.environment, v_next.trigger, v_next.reason,
        v_next.requested_by, v_next.request_id, v_next.force, v_next.override_limits,
        v_next.auto_validate, v_next.auto_deploy, coalesce(v_next.notify, true), v_next.as_of
    );
    perform private.serve_request(v_served);
    update private.training_job_callbacks set job_id = v_next.id, for_follow_up = false
    where job_id = p_job.id and for_follow_up;
    return v_next.id;
end
$$;

drop function public.trigger_retraining(
    text[], boolean, boolean, public.ml_environment, boolean, boolean, text, text, timestamptz,
    text, text, jsonb
);
drop function private.trigger_retraining(
    text[], boolean, boolean, public.ml_environment, boolean, boolean, text, text, timestamptz,
    text, text, jsonb
);

create function private.trigger_retraining(
    p_model_types text[], p_force boolean, p_override_limits boolean,
    p_environment public.ml_environment, p_auto_validate boolean, p_auto_deploy boolean,
    p_reason text, p_webhook_url text, p_as_of timestamptz, p_trigger text, p_request_id text,
    p_actor jsonb, p_notify boolean default true
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
        'auto_validate', p_auto_validate, 'auto_deploy', p_auto_deploy, 'notify', p_notify,
        'as_of', p_as_of
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
                override_limits, auto_validate, auto_deploy, notify, as_of
            ) values (
                v_type.name, p_environment, p_trigger, p_reason, v_actor, p_request_id, p_force,
                p_override_limits, p_auto_validate, p_auto_deploy, p_notify, p_as_of
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
comment on function private.trigger_retraining(
    text[], boolean, boolean, public.ml_environment, boolean, boolean, text, text, timestamptz,
    text, text, jsonb, boolean
) is
'See public.trigger_retraining.';

create function public.trigger_retraining(
    p_model_types text[] default null, p_force boolean default false,
    p_override_limits boolean default false,
    p_environment public.ml_environment default 'production',
    p_auto_validate boolean default true, p_auto_deploy boolean default true,
    p_reason text default null, p_webhook_url text default null,
    p_as_of timestamptz default null, p_trigger text default 'manual',
    p_request_id text default null, p_notify boolean default true, p_actor jsonb default null
) returns jsonb
language sql
set search_path = ''
return private.trigger_retraining(
    p_model_types, p_force, p_override_limits, p_environment, p_auto_validate, p_auto_deploy,
    p_reason, p_webhook_url, p_as_of, private.trigger_of_caller(p_trigger), p_request_id, p_actor,
    p_notify
);
comment on function public.trigger_retraining(
    text[], boolean, boolean, public.ml_environment, boolean, boolean, text, text, timestamptz,
    text, text, boolean, jsonb
) is
'request, operator: queues a training job per model type; a second request joins the active one, or follows it when that runs already and does less. Without force the job checks first and is skipped when the champion is healthy. Without notify nobody is told how it ended, unless another who joins it wants that.';

drop function public.request_deployment(
    uuid[], text[], public.ml_environment, boolean, text, timestamptz, text, jsonb
);
drop function private.request_deployment(
    uuid[], text[], public.ml_environment, boolean, text, timestamptz, text, jsonb
);

create function private.request_deployment(
    p_model_ids uuid[], p_model_types text[], p_environment public.ml_environment,
    p_force boolean, p_reason text, p_as_of timestamptz, p_request_id text, p_notify boolean,
    p_actor jsonb
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
            'model_ids', v_ids, 'force', p_force, 'reason', p_reason, 'notify', p_notify
        ),
        p_as_of, p_request_id, v_actor
    );
end
$$;
comment on function private.request_deployment(
    uuid[], text[], public.ml_environment, boolean, text, timestamptz, text, boolean, jsonb
) is
'See public.request_deployment.';

create function public.request_deployment(
    p_model_ids uuid[] default null, p_model_types text[] default null,
    p_environment public.ml_environment default 'production', p_force boolean default false,
    p_reason text default null, p_as_of timestamptz default null,
    p_request_id text default null, p_notify boolean default true, p_actor jsonb default null
) returns jsonb
language sql
set search_path = ''
return private.request_deployment(
    p_model_ids, p_model_types, p_environment, p_force, p_reason, p_as_of, p_request_id, p_notify,
    p_actor
);
comment on function public.request_deployment(
    uuid[], text[], public.ml_environment, boolean, text, timestamptz, text, boolean, jsonb
) is
'request, operator (force: admin): queues the deployment of approved models; without notify nobody is told of it.';

select private.set_function_class(f, 'request')
from unnest(array[
    'private.trigger_retraining(text[], boolean, boolean, public.ml_environment, boolean, boolean, text, text, timestamptz, text, text, jsonb, boolean)',
    'public.trigger_retraining(text[], boolean, boolean, public.ml_environment, boolean, boolean, text, text, timestamptz, text, text, boolean, jsonb)',
    'private.request_deployment(uuid[], text[], public.ml_environment, boolean, text, timestamptz, text, boolean, jsonb)',
    'public.request_deployment(uuid[], text[], public.ml_environment, boolean, text, timestamptz, text, boolean, jsonb)'
]::regprocedure[]) as f;

select private.record_migration('20261124030110');
