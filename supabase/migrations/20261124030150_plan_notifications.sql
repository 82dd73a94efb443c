-- Which channel is told what: decided when a worker asks what is due, because only workers know
-- the channels. Whatever changed since is planned for every channel that was seen lately.
alter table public.ml_alerts add column snoozed_until timestamptz;
comment on column public.ml_alerts.snoozed_until is
'Until when nobody is told of it again, although it stands.';

create function private.note_channels(p_channels jsonb) returns void
language plpgsql
set search_path = ''
as $$
declare
    v_now constant timestamptz := pg_catalog.clock_timestamp();
    v_given private.notification_channels;
    v_known private.notification_channels;
    v_is_new boolean;
begin
    for v_given in
        select
            c.name, c.events, c.least_severity, v_now, v_now
        from pg_catalog.jsonb_to_recordset(p_channels) as c (
            name text, events text[], least_severity text
        )
        order by c.name
    loop
        select * into v_known from private.notification_channels where name = v_given.name;
        -- Asked every few seconds: written only where it says something new.
        continue when v_known.events = v_given.events
            and v_known.least_severity = v_given.least_severity
            and v_known.last_seen_at > v_now - interval '1 minute';
        v_is_new := v_known.name is null or v_known.last_seen_at <= v_now - interval '7 days';
        if v_is_new then
            -- Nobody plans without it what it then does not see as planned.
            perform pg_catalog.pg_advisory_xact_lock(
                pg_catalog.hashtextextended('refit.planning', 0)
            );
        end if;
        insert into private.notification_channels values (v_given.*)
        on conflict (name) do update set
            events = excluded.events,
            least_severity = excluded.least_severity,
            first_seen_at = case
                when v_is_new then v_now else notification_channels.first_seen_at
            end,
            last_seen_at = v_now;
        if v_is_new then
            -- What waited for it when it went away is no news any more.
            update public.ml_notification_deliveries set
                status = 'failed', last_error = 'The channel was away for over a week.'
            where channel = v_given.name and status = 'pending'
                and created_at <= v_now - interval '1 hour';
            -- What happened just before it was there is told to it, too.
            update public.ml_notifications set to_plan = true
            where last_at > v_now - interval '1 hour' and not to_plan;
        end if;
    end loop;
end
$$;
comment on function private.note_channels(jsonb) is
'Remembers the names of a worker''s channels and what they want to hear; a new one hears of the last hour.';

create function private.why_not_told(
    p_notification public.ml_notifications, p_channel private.notification_channels
) returns text
language sql stable
set search_path = ''
return case
    when p_notification.event <> all(p_channel.events) then 'not_chosen'
    -- A digest is neither good news nor bad: it is wanted or not.
    when
        p_notification.event <> 'digest'
        and pg_catalog.array_position(
            array['info', 'warning', 'critical'], p_notification.severity
        ) < pg_catalog.array_position(
            array['info', 'warning', 'critical'], p_channel.least_severity
        )
        then 'less_severe'
end;
comment on function private.why_not_told(
    public.ml_notifications, private.notification_channels
) is
'Why a channel does not want to hear of a notification; null: it does.';

create function private.is_told_by_another(
    p_notification public.ml_notifications, p_channel private.notification_channels
) returns boolean
language plpgsql stable
set search_path = ''
as $$
begin
    -- One training is one message: that it succeeded says what was deployed, and what waits for a
    -- person says that it succeeded.
    if p_notification.event in ('deployed', 'training_succeeded') then
        return exists (
            select from public.ml_notifications as o
            where o.job_id = p_notification.job_id
                and o.event = case p_notification.event
                    when 'deployed' then 'training_succeeded' else 'approval_needed'
                end
                and o.occurrences = 1
                and private.why_not_told(o, p_channel) is null
        );
    end if;
    -- Over before it could be told: the training that mended it says what it mended.
    return p_notification.resolved_at is not null and exists (
        select from public.ml_notifications as o
        where o.model_type = p_notification.model_type
            and o.environment = p_notification.environment
            and o.event = 'training_succeeded'
            and o.first_at between p_notification.first_at
            and p_notification.resolved_at + interval '1 minute'
            and (
                p_notification.event in ('training_failed', 'data_quality')
                or o.data ->> 'outcome' = 'deployed'
            )
            and private.why_not_told(o, p_channel) is null
    );
end
$$;
comment on function private.is_told_by_another(
    public.ml_notifications, private.notification_channels
) is
'Whether the channel hears the same by another message, so that one thing is told once.';

create function private.is_snoozed(p_alert_id uuid) returns boolean
language sql stable
set search_path = ''
return exists (
    select from public.ml_alerts as a
    where
        a.id = p_alert_id and a.status <> 'resolved'
        and a.snoozed_until > pg_catalog.clock_timestamp()
);
comment on function private.is_snoozed(uuid) is
'Whether somebody wanted to hear nothing of an alert for now.';

create function private.may_remind(p_notification public.ml_notifications) returns boolean
language sql stable
set search_path = ''
return p_notification.subject is not null
and not private.is_snoozed(p_notification.alert_id)
and not exists (
    select from public.ml_alerts as a
    where a.id = p_notification.alert_id and a.status = 'acknowledged'
);
comment on function private.may_remind(public.ml_notifications) is
'Whether what stands may be told again: not while somebody looks after it, or wanted to be left alone.';

create function private.next_telling(
    p_notification public.ml_notifications, p_channel private.notification_channels
) returns text
language plpgsql stable
set search_path = ''
as $$
declare
    v_last public.ml_notification_deliveries;
    v_over constant boolean := p_notification.resolved_at is not null;
    v_pause interval;
begin
    select * into v_last
    from public.ml_notification_deliveries as d
    where d.notification_id = p_notification.id and d.channel = p_channel.name
        and (d.status <> 'withheld' or d.withheld_because = 'folded')
    order by d.created_at desc, d.id desc
    limit 1;
    if not found then
        return 'opened';
    end if;
    -- Once on the same day, then once a day.
    v_pause := case v_last.telling when 'opened' then interval '6 hours' else interval '24 hours' end;
    if v_last.status = 'pending' or (v_last.said_resolved and v_over) then
        -- What waits says how it stands when it is sent.
        return null;
    elsif v_over then
        return case
            when p_notification.event <> 'approval_needed' and exists (
                select from public.ml_notification_deliveries as d
                where d.notification_id = p_notification.id and d.channel = p_channel.name
                    and d.status = 'delivered'
            ) then 'resolved'
        end;
    elsif p_notification.occurrences > v_last.occurrences
        and private.may_remind(p_notification)
        and (
            v_last.said_resolved
            or p_notification.begun_again_at > coalesce(v_last.delivered_at, v_last.created_at)
            or pg_catalog.clock_timestamp()
            >= coalesce(v_last.delivered_at, v_last.created_at) + v_pause
        )
    then
        return 'reminder';
    end if;
    return null;
end
$$;
comment on function private.next_telling(
    public.ml_notifications, private.notification_channels
) is
'What a channel is to be told next of a notification: that it began (once), that it still stands (at growing distance, and when it is there again), that it is over (to who heard that it began); null: nothing.';

create function private.settle_waiting(p_notification public.ml_notifications) returns void
language sql
set search_path = ''
as $$
    update public.ml_notification_deliveries as d set
        status = 'withheld', withheld_because = 'begun_again'
    where d.notification_id = p_notification.id and d.status = 'pending'
        and d.telling = 'resolved' and p_notification.resolved_at is null
        and (d.lease_token is null or d.next_attempt_at <= pg_catalog.clock_timestamp());
    update public.ml_notification_deliveries as d set
        telling = case d.telling when 'reminder' then 'resolved' else d.telling end,
        next_attempt_at = case
            when d.attempts = 0
                then least(d.next_attempt_at, pg_catalog.clock_timestamp())
            else d.next_attempt_at
        end,
        (status, withheld_because) = (
            select
                case when w.reason is null then 'pending' else 'withheld' end, w.reason
            from (
                select
                    case
                        when p_notification.event = 'approval_needed' then 'over'
                        when
                            d.telling = 'opened'
                            and private.is_told_by_another(p_notification, c)
                            then 'told_by_another'
                    end as reason
                from private.notification_channels as c
                where c.name = d.channel
            ) as w
        )
    where d.notification_id = p_notification.id and d.status = 'pending'
        and p_notification.resolved_at is not null
        and (d.lease_token is null or d.next_attempt_at <= pg_catalog.clock_timestamp())
$$;
comment on function private.settle_waiting(public.ml_notifications) is
'What waits to be told of something that is over: a reminder becomes the message that it is over, and what another message says is withheld. That something is over is withheld where it is there again.';

create function private.plan_notification(
    p_notification public.ml_notifications, p_channel private.notification_channels
) returns void
language plpgsql
set search_path = ''
as $$
declare
    v_telling constant text := private.next_telling(p_notification, p_channel);
    v_reason text := private.why_not_told(p_notification, p_channel);
begin
    if v_telling is null then
        return;
    end if;
    if v_telling = 'opened' and v_reason is null
        and private.is_told_by_another(p_notification, p_channel)
    then
        v_reason := 'told_by_another';
    end if;
    -- What it did not want to hear is on record once, and what another message said is said.
    if exists (
        select from public.ml_notification_deliveries as d
        where d.notification_id = p_notification.id and d.channel = p_channel.name
            and d.status = 'withheld'
            and (
                v_reason is not null
                or (
                    v_telling = 'opened' and d.withheld_because in ('told_by_another', 'over')
                    and (p_notification.subject is null or p_notification.resolved_at is not null)
                )
            )
    ) then
        return;
    end if;
    insert into public.ml_notification_deliveries (
        notification_id, channel, telling, status, withheld_because, next_attempt_at
    ) values (
        p_notification.id, p_channel.name, v_telling,
        case when v_reason is null then 'pending' else 'withheld' end, v_reason,
        -- What comes and goes is told once an hour at most.
        greatest(
            pg_catalog.clock_timestamp(),
            (
                select pg_catalog.max(d.delivered_at) + interval '1 hour'
                from public.ml_notification_deliveries as d
                where v_telling = 'reminder'
                    and d.notification_id = p_notification.id and d.channel = p_channel.name
            )
        )
    );
end
$$;
comment on function private.plan_notification(
    public.ml_notifications, private.notification_channels
) is
'Plans what one channel is told next of one notification, or puts on record why it is told nothing.';

create function private.plan_notifications(p_limit integer) returns void
language plpgsql
set search_path = ''
as $$
declare
    v_notification public.ml_notifications;
begin
    -- Not while a channel is being added, which would miss what is planned now.
    if not exists (select from private.notification_channels)
        or not pg_catalog.pg_try_advisory_xact_lock_shared(
            pg_catalog.hashtextextended('refit.planning', 0)
        )
    then
        return;
    end if;
    -- Locked, so that two workers do not plan the same: what one is at, the other passes over.
    for v_notification in
        select * from public.ml_notifications where to_plan
        order by first_at limit p_limit
        for no key update skip locked
    loop
        begin
            perform private.settle_waiting(v_notification);
            perform private.plan_notification(v_notification, c)
            from private.notification_channels as c
            where c.last_seen_at > pg_catalog.clock_timestamp() - interval '7 days'
                and c.first_seen_at < v_notification.last_at + interval '1 hour';
            update public.ml_notifications set to_plan = false, plan_error = null
            where id = v_notification.id;
        exception
            -- One that cannot be planned must not keep all others from being told.
            when others then
                update public.ml_notifications set
                    to_plan = sqlstate in ('40001', '40P01', '55P03'),
                    plan_error = pg_catalog.left(sqlerrm, 1000)
                where id = v_notification.id;
        end;
    end loop;
end
$$;
comment on function private.plan_notifications(integer) is
'Plans for every channel what it is told of the notifications that changed.';

select private.set_function_class(f, 'internal')
from unnest(array[
    'private.note_channels(jsonb)',
    'private.why_not_told(public.ml_notifications, private.notification_channels)',
    'private.is_told_by_another(public.ml_notifications, private.notification_channels)',
    'private.is_snoozed(uuid)', 'private.may_remind(public.ml_notifications)',
    'private.next_telling(public.ml_notifications, private.notification_channels)',
    'private.settle_waiting(public.ml_notifications)',
    'private.plan_notification(public.ml_notifications, private.notification_channels)',
    'private.plan_notifications(integer)'
]::regprocedure[]) as f;

select private.record_migration('20261124030150');
