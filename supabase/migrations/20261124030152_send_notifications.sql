-- How workers take what is due, one message each, and say what came of it.
create function private.fold_waiting(p_channel text) returns void
language sql
set search_path = ''
as $$
    -- Several of one kind that wait for the same channel become one message, the newest. Nobody
    -- having ticked concerns every model type at once.
    with waiting as (
        select
            d.id, d.notification_id,
            pg_catalog.first_value(d.id) over (
                partition by
                    n.event, n.environment, d.telling = 'resolved',
                    case when n.event <> 'schedule_missed' then n.model_type end,
                    -- That a model serves is not said by the training after it that was no use,
                    -- nor that the one that serves is broken by one that could not be deployed.
                    case when n.event = 'training_succeeded' then n.data ->> 'outcome' end,
                    case when n.event = 'deployment_failed' then n.data ->> 'kind' end
                -- What still stands is not told as over with what is.
                order by n.resolved_at is not null, n.last_at desc, d.created_at desc, d.id desc
            ) as kept
        from public.ml_notification_deliveries as d
        inner join public.ml_notifications as n on d.notification_id = n.id
        where d.channel = p_channel and d.status = 'pending'
            and (d.lease_token is null or d.next_attempt_at <= pg_catalog.clock_timestamp())
            and not private.is_snoozed(n.alert_id)
    ), folded as (
        update public.ml_notification_deliveries as d set
            status = 'withheld', withheld_because = 'folded', folded_into = w.kept,
            occurrences = n.occurrences, lease_token = null, lease_owner = null
        from waiting as w
        inner join public.ml_notifications as n on w.notification_id = n.id
        where d.id = w.id and w.kept <> w.id
        returning d.id, w.kept
    )
    -- What was folded into one of them before goes along.
    update public.ml_notification_deliveries as d set folded_into = f.kept
    from folded as f where d.folded_into = f.id
$$;
comment on function private.fold_waiting(text) is
'Makes one message of all that wait for a channel and tell the same of the same model type.';

create function private.notice_json(p_delivery public.ml_notification_deliveries) returns jsonb
language sql stable
set search_path = ''
return (
    select
        pg_catalog.jsonb_build_object(
            'id', p_delivery.id, 'notification_id', n.id, 'lease_token', p_delivery.lease_token,
            'channel', p_delivery.channel, 'attempts', p_delivery.attempts, 'event', n.event,
            'severity', n.severity, 'resolved', p_delivery.telling = 'resolved',
            'reminder', p_delivery.telling = 'reminder', 'resolved_at', n.resolved_at,
            'occurrences', n.occurrences + f.occurrences,
            'first_at', least(n.first_at, f.first_at), 'created_at', n.last_at,
            'environment', n.environment, 'job_id', n.job_id, 'deployment_id', n.deployment_id,
            'alert_id', n.alert_id,
            -- What concerns several of them is told of none alone.
            'model_type', case
                when f.model_types is null or f.model_types = array[n.model_type] then n.model_type
            end,
            'title', case
                when f.model_types is null or f.model_types = array[n.model_type]
                    then coalesce(nullif(t.title, ''), t.name)
            end,
            'data', n.data || case
                when f.model_types is null or f.model_types = array[n.model_type] then '{}'::jsonb
                else pg_catalog.jsonb_build_object('model_types', f.all_types)
            end
        )
    from public.ml_notifications as n
    left join public.ml_model_types as t on n.model_type = t.name
    cross join
        lateral (
            select
                coalesce(pg_catalog.sum(o.occurrences), 0)::integer as occurrences,
                pg_catalog.min(o.first_at) as first_at,
                pg_catalog.array_agg(distinct o.model_type) as model_types,
                (
                    select
                        pg_catalog.array_agg(
                            coalesce(nullif(x.title, ''), x.name) order by x.name
                        )
                    from public.ml_model_types as x
                    where x.name = any(pg_catalog.array_agg(o.model_type) || n.model_type)
                ) as all_types
            from public.ml_notification_deliveries as d
            inner join public.ml_notifications as o on d.notification_id = o.id
            where d.folded_into = p_delivery.id
        ) as f
    where n.id = p_delivery.notification_id
);
comment on function private.notice_json(public.ml_notification_deliveries) is
'All that a message to a channel says, with what was folded into it.';

create function private.claim_notifications(
    p_worker text, p_channels jsonb, p_limit integer, p_lease_seconds integer
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    v_now timestamptz;
    v_channels jsonb;
    v_claimed jsonb;
    v_incomplete boolean;
begin
    perform private.act_as_worker(p_worker);
    -- Where another worker is choosing what to send next, it is chosen: nobody waits for it.
    select coalesce(pg_catalog.jsonb_agg(c.channel), '[]') into v_channels
    from pg_catalog.jsonb_array_elements(p_channels) as c (channel)
    where pg_catalog.pg_try_advisory_xact_lock(
        pg_catalog.hashtextextended('refit.channel:' || (c.channel ->> 'name'), 0)
    );
    perform private.note_channels(v_channels);
    perform private.plan_notifications(500);
    -- Another is planning them just now, perhaps for these channels too.
    v_incomplete := exists (select from public.ml_notifications where to_plan);
    v_now := pg_catalog.clock_timestamp();
    -- Whoever is at it dies of it, again and again.
    update public.ml_notification_deliveries as d set
        status = 'failed', lease_token = null, lease_owner = null,
        last_error = 'No worker that was at it came to an end within a day.'
    from pg_catalog.jsonb_to_recordset(v_channels) as c (name text)
    where d.channel = c.name and d.status = 'pending' and d.lease_token is not null
        and d.next_attempt_at <= v_now and d.give_up_at <= v_now;
    -- What is held back folds when its time comes.
    perform private.fold_waiting(c.name)
    from pg_catalog.jsonb_to_recordset(v_channels) as c (name text, quiet_until timestamptz)
    where c.quiet_until is null or c.quiet_until <= v_now;
    with due as (
        select d.id, n.occurrences, n.resolved_at
        from pg_catalog.jsonb_to_recordset(v_channels) as c (name text, quiet_until timestamptz)
        inner join public.ml_notification_deliveries as d on d.channel = c.name
        inner join public.ml_notifications as n on d.notification_id = n.id
        where d.status = 'pending' and d.next_attempt_at <= v_now
            -- That something critical is over can wait for the morning.
            and (
                c.quiet_until is null or c.quiet_until <= v_now
                or (n.severity = 'critical' and d.telling <> 'resolved')
            )
            and not private.is_snoozed(n.alert_id)
            -- What ended just now may be there again in a minute.
            and (n.resolved_at is null or n.resolved_at <= v_now - private.time_to_settle())
            and (n.resolved_at is not null or d.telling <> 'resolved')
        order by d.created_at, d.id limit p_limit
        for update of d skip locked
    ), claimed as (
        -- The lease is a time: what a killed worker was at is due again when it is over.
        update public.ml_notification_deliveries as d set
            attempts = d.attempts + 1, occurrences = due.occurrences,
            said_resolved = due.resolved_at is not null,
            next_attempt_at = v_now + p_lease_seconds * interval '1 second',
            lease_token = pg_catalog.gen_random_uuid(), lease_owner = p_worker,
            give_up_at = coalesce(d.give_up_at, v_now + interval '1 day')
        from due where d.id = due.id
        returning d.*
    )
    select pg_catalog.jsonb_agg(private.notice_json(c) order by c.created_at, c.id)
    into v_claimed
    from claimed as c;
    return pg_catalog.jsonb_build_object(
        'notices', coalesce(v_claimed, '[]'), 'incomplete', v_incomplete
    );
end
$$;
comment on function private.claim_notifications(text, jsonb, integer, integer) is
'See public.claim_notifications.';

create function public.claim_notifications(
    p_worker text, p_channels jsonb, p_limit integer, p_lease_seconds integer default 60
) returns jsonb
language sql
set search_path = ''
return private.claim_notifications(p_worker, p_channels, p_limit, p_lease_seconds);
comment on function public.claim_notifications(text, jsonb, integer, integer) is
'machinery: plans who is told what of all that happened, and takes what is due for these channels {name, events, least_severity, quiet_until} under a lease; each message is given to one worker. {notices, incomplete}: incomplete where another is planning something just now, so that it is worth asking again at once.';

create function private.finish_notification(
    p_id uuid, p_lease_token uuid, p_outcome text, p_error text,
    p_retry_seconds double precision
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    v_now constant timestamptz := pg_catalog.clock_timestamp();
    v_next constant timestamptz := v_now + coalesce(p_retry_seconds, 0) * interval '1 second';
    v_row public.ml_notification_deliveries;
    v_given_up boolean;
begin
    if p_outcome is null or p_outcome not in ('delivered', 'retry', 'failed') then
        perform private.raise_error(
            422, 'invalid_request', 'outcome must be delivered, retry or failed.'
        );
    end if;
    -- Locked in the order of whoever plans: the notification first, then its messages.
    perform from public.ml_notifications
    where id = (
        select d.notification_id from public.ml_notification_deliveries as d where d.id = p_id
    )
    for no key update;
    select * into v_row from public.ml_notification_deliveries
    where id = p_id and status = 'pending' and lease_token = p_lease_token
    for update;
    if not found then
        perform private.raise_error(
            409, 'lease_lost', pg_catalog.format('The message %s is not yours any more.', p_id)
        );
    end if;
    v_given_up := p_outcome = 'retry' and v_next > v_row.give_up_at;
    update public.ml_notification_deliveries set
        status = case
            when p_outcome = 'delivered' then 'delivered'
            when p_outcome = 'failed' or v_given_up then 'failed'
            else 'pending'
        end,
        next_attempt_at = case when p_outcome = 'retry' and not v_given_up then v_next else v_now end,
        delivered_at = case when p_outcome = 'delivered' then v_now end,
        said_resolved = said_resolved and p_outcome = 'delivered',
        last_error = pg_catalog.left(p_error, 1000) || case
            when v_given_up then pg_catalog.format(' Given up after %s attempts.', v_row.attempts)
            else ''
        end,
        lease_token = null, lease_owner = null
    where id = p_id
    returning * into v_row;
    -- It ended while the message that it began was on its way.
    if v_row.status = 'delivered' and not v_row.said_resolved then
        update public.ml_notifications set to_plan = true
        where id = v_row.notification_id and resolved_at is not null and not to_plan;
    end if;
    return pg_catalog.jsonb_build_object(
        'id', v_row.id, 'status', v_row.status, 'attempts', v_row.attempts,
        'next_attempt_at', v_row.next_attempt_at
    );
end
$$;
comment on function private.finish_notification(uuid, uuid, text, text, double precision) is
'See public.finish_notification.';

create function public.finish_notification(
    p_id uuid, p_lease_token uuid, p_outcome text, p_error text default null,
    p_retry_seconds double precision default null
) returns jsonb
language sql
set search_path = ''
return private.finish_notification(p_id, p_lease_token, p_outcome, p_error, p_retry_seconds);
comment on function public.finish_notification(uuid, uuid, text, text, double precision) is
'machinery: ends an attempt to tell a channel as delivered, failed, or to be tried again in so many seconds; where that is over a day after the first attempt, it has failed.';

create function public.list_notifications(
    p_model_type text default null, p_environment public.ml_environment default null,
    p_event text default null, p_limit integer default 50, p_cursor text default null,
    p_actor jsonb default null
) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
    v_rows jsonb;
begin
    perform private.require_role('viewer', p_actor);
    perform private.check_limit(p_limit);
    select pg_catalog.jsonb_agg(x.item) into v_rows
    from (
        select pg_catalog.to_jsonb(n) - 'to_plan' || pg_catalog.jsonb_build_object(
            'deliveries', coalesce(
                (
                    select
                        pg_catalog.jsonb_agg(
                            pg_catalog.jsonb_build_object(
                                'id', d.id, 'channel', d.channel, 'telling', d.telling,
                                'status', d.status, 'withheld_because', d.withheld_because,
                                'occurrences', d.occurrences, 'attempts', d.attempts,
                                'next_attempt_at',
                                case when d.status = 'pending' then d.next_attempt_at end,
                                'last_error', d.last_error, 'delivered_at', d.delivered_at,
                                'created_at', d.created_at
                            ) order by d.created_at, d.channel
                        )
                    from public.ml_notification_deliveries as d
                    where d.notification_id = n.id
                ), '[]'
            )
        ) as item
        from public.ml_notifications as n
        where (p_model_type is null or n.model_type = p_model_type)
            and (p_environment is null or n.environment = p_environment)
            and (p_event is null or n.event = p_event)
            and (p_cursor is null or (n.first_at, n.id)
                < (private.cursor_time(p_cursor), private.cursor_id(p_cursor)::uuid))
        order by n.first_at desc, n.id desc
        limit p_limit + 1
    ) as x;
    return private.page(v_rows, p_limit, 'first_at');
end
$$;
comment on function public.list_notifications(
    text, public.ml_environment, text, integer, text, jsonb
) is
'read, viewer: what people were to be told, newest first, with what came of it in each channel.';

select private.set_function_class(f, 'internal')
from unnest(array[
    'private.fold_waiting(text)',
    'private.notice_json(public.ml_notification_deliveries)'
]::regprocedure[]) as f;

select private.set_function_class(f, 'machinery')
from unnest(array[
    'private.claim_notifications(text, jsonb, integer, integer)',
    'public.claim_notifications(text, jsonb, integer, integer)',
    'private.finish_notification(uuid, uuid, text, text, double precision)',
    'public.finish_notification(uuid, uuid, text, text, double precision)'
]::regprocedure[]) as f;

select private.set_function_class(f, 'read')
from unnest(array[
    'public.list_notifications(text, public.ml_environment, text, integer, text, jsonb)'
]::regprocedure[]) as f;

select private.record_migration('20261124030152');
