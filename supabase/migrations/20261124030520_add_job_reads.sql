-- What the pages about training jobs show: each of them by one read.
create function public.list_job_summaries(
    p_environment public.ml_environment default 'production', p_model_type text default null,
    p_status public.ml_job_status default null, p_limit integer default 50,
    p_cursor text default null, p_actor jsonb default null
) returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
    v_rows jsonb;
begin
    perform private.require_role('viewer', p_actor);
    perform private.check_limit(p_limit);
    select pg_catalog.jsonb_agg(
        x.item || pg_catalog.jsonb_build_object('title', coalesce(nullif(t.title, ''), t.name))
        order by x.created_at desc, x.id desc
    ) into v_rows
    from (
        select
            private.training_job_json(j) - 'plan' - 'fingerprint' as item,
            j.model_type, j.created_at, j.id
        from public.ml_training_jobs as j
        where j.environment = p_environment
            and (p_model_type is null or j.model_type = p_model_type)
            and (p_status is null or j.status = p_status)
            and (p_cursor is null or (j.created_at, j.id)
                < (private.cursor_time(p_cursor), private.cursor_id(p_cursor)::uuid))
        order by j.created_at desc, j.id desc
        limit p_limit + 1
    ) as x
    inner join public.ml_model_types as t on x.model_type = t.name;
    return private.page(v_rows, p_limit, 'created_at') || pg_catalog.jsonb_build_object(
        'active', (
            select pg_catalog.count(*)
            from public.ml_training_jobs as j
            where j.environment = p_environment and j.status in ('queued', 'running')
        ),
        'model_types', (
            select coalesce(
                pg_catalog.jsonb_agg(
                    pg_catalog.jsonb_build_object(
                        'name', t.name, 'title', coalesce(nullif(t.title, ''), t.name)
                    )
                    order by pg_catalog.lower(coalesce(nullif(t.title, ''), t.name))
                ), '[]'
            )
            from public.ml_model_types as t
        )
    );
end
$$;
comment on function public.list_job_summaries(
    public.ml_environment, text, public.ml_job_status, integer, text, jsonb
) is
'read, viewer: training jobs of one environment, newest first, with the titles of their model types, how many are active, and what can be filtered by.';

create function private.joined_requests_of(p_job public.ml_training_jobs, p_before uuid)
returns jsonb
language sql stable
set search_path = ''
return (
    select
        coalesce(
            pg_catalog.jsonb_agg(
                pg_catalog.jsonb_build_object(
                    'requested_by', r.requested_by, 'trigger', r.trigger, 'reason', r.reason,
                    'force', r.force, 'for_follow_up', r.job_id = p_job.id and r.for_follow_up,
                    'joined_at', r.joined_at
                ) order by r.id
            ), '[]'
        )
    from private.joined_requests as r
    where r.job_id = p_job.id or (r.job_id = p_before and r.for_follow_up)
);
comment on function private.joined_requests_of(public.ml_training_jobs, uuid) is
'Who asked for the same meanwhile: of this job, and of the one before it for this.';

create function public.get_job_details(p_id uuid, p_actor jsonb default null) returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
    v_row public.ml_training_jobs;
    v_before uuid;
begin
    perform private.require_role('viewer', p_actor);
    select * into v_row from public.ml_training_jobs where id = p_id;
    if not found then
        perform private.raise_error(404, 'not_found', pg_catalog.format('There is no job %s.', p_id));
    end if;
    select j.id into v_before
    from public.ml_training_jobs as j
    where j.follow_up is not null and j.follow_up ->> 'id' = p_id::text;
    return private.training_job_json(v_row) || (
        select pg_catalog.jsonb_build_object(
            'title', coalesce(nullif(t.title, ''), t.name), 'metric', t.metric, 'enabled', t.enabled
        )
        from public.ml_model_types as t
        where t.name = v_row.model_type
    ) || pg_catalog.jsonb_build_object(
        'now', pg_catalog.clock_timestamp(),
        'validation', (
            select private.validation_json(v)
            from public.ml_model_validations as v
            where v.training_job_id = p_id
            order by v.created_at desc
            limit 1
        ),
        'model', (
            select pg_catalog.jsonb_build_object(
                'id', m.id, 'version', m.version, 'status', m.status,
                'quarantined_at', m.quarantined_at,
                'serves', (
                    select coalesce(pg_catalog.jsonb_agg(d.environment order by d.environment), '[]')
                    from public.ml_model_deployments as d
                    where d.model_id = m.id and d.status = 'active'
                )
            )
            from public.ml_models as m
            where m.training_job_id = p_id
        ),
        'stages', (
            select coalesce(
                pg_catalog.jsonb_agg(
                    pg_catalog.jsonb_build_object(
                        'stage', s.stage, 'attempt', s.attempt, 'began_at', s.began_at
                    ) order by s.id
                ), '[]'
            )
            from private.job_stages as s
            where s.job_id = p_id
        ),
        'log_lines', (
            select pg_catalog.count(*) from private.job_log_lines as l where l.job_id = p_id
        ),
        'log', (
            select coalesce(
                pg_catalog.jsonb_agg(
                    pg_catalog.jsonb_build_object(
                        'id', l.id, 'logged_at', l.logged_at, 'level', l.level,
                        'message', l.message
                    ) order by l.id
                ), '[]'
            )
            from (
                select *
                from private.job_log_lines as all_lines
                where all_lines.job_id = p_id
                order by all_lines.id desc
                limit 200
            ) as l
        ),
        'before_id', v_before,
        'follow_up_job', (
            select pg_catalog.jsonb_build_object('id', j.id, 'status', j.status)
            from public.ml_training_jobs as j
            where j.id = (v_row.follow_up ->> 'id')::uuid
        ),
        'joined', private.joined_requests_of(v_row, v_before),
        'deliveries', (
            select coalesce(
                pg_catalog.jsonb_agg(
                    pg_catalog.jsonb_build_object(
                        'id', d.id, 'origin', d.origin, 'status', d.status,
                        'attempts', d.attempts, 'last_error', d.last_error,
                        'delivered_at', d.delivered_at,
                        'next_attempt_at',
                        case when d.status = 'pending' then d.next_attempt_at end
                    ) order by d.created_at, d.id
                ), '[]'
            )
            from public.ml_webhook_deliveries as d
            where d.training_job_id = p_id
        ),
        'cancelled_by', (
            select l.actor
            from public.workflow_audit_logs as l
            where v_row.cancel_requested_at is not null
                and l.entity = 'training_job' and l.entity_id = p_id::text
                and l.created_at >= v_row.created_at
                and l.after ->> 'cancel_requested_at' is not null
            order by l.created_at
            limit 1
        )
    );
end
$$;
comment on function public.get_job_details(uuid, jsonb) is
'read, viewer: a training job with all that belongs to it: model, validation, stages, its last 200 log lines, who else asked, the jobs before and after it, callbacks with scheme and host, and who cancelled it.';

create function public.list_requested_jobs(p_request_id text, p_actor jsonb default null)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
begin
    perform private.require_role('viewer', p_actor);
    return pg_catalog.jsonb_build_object('items', (
        select coalesce(
            pg_catalog.jsonb_agg(
                pg_catalog.jsonb_build_object(
                    'id', j.id, 'model_type', j.model_type,
                    'title', coalesce(nullif(t.title, ''), t.name), 'status', j.status,
                    'stage', j.stage, 'progress', j.progress, 'joined', a.joined,
                    'for_follow_up', a.for_follow_up
                ) order by pg_catalog.lower(coalesce(nullif(t.title, ''), t.name))
            ), '[]'
        )
        from (
            select made.id, false as joined, false as for_follow_up
            from public.ml_training_jobs as made
            where made.request_id = p_request_id
                -- What follows a job carries the id of its request as well: that joined the job.
                and not exists (
                    select from public.ml_training_jobs as earlier
                    where earlier.follow_up is not null
                        and earlier.follow_up ->> 'id' = made.id::text
                )
            union
            select coalesce(following.id, r.job_id), true, r.for_follow_up and following.id is null
            from private.joined_requests as r
            left join public.ml_training_jobs as joined
                on r.for_follow_up and r.job_id = joined.id
            left join public.ml_training_jobs as following
                on (joined.follow_up ->> 'id')::uuid = following.id
            where r.request_id = p_request_id
        ) as a
        inner join public.ml_training_jobs as j on a.id = j.id
        inner join public.ml_model_types as t on j.model_type = t.name
    ));
end
$$;
comment on function public.list_requested_jobs(text, jsonb) is
'read, viewer: the training jobs that a request made or joined, by the title of their model type.';

select private.set_function_class(f, 'read')
from unnest(array[
    'private.joined_requests_of(public.ml_training_jobs, uuid)',
    'public.list_job_summaries(public.ml_environment, text, public.ml_job_status, integer, text, jsonb)',
    'public.get_job_details(uuid, jsonb)',
    'public.list_requested_jobs(text, jsonb)'
]::regprocedure[]) as f;

select private.record_migration('20261124030520');
