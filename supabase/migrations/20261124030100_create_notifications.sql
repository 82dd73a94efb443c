-- What people are to be told. It is written by the transaction that makes it true, so that nothing
-- is lost; workers, who know the channels, find out later who hears of it.
create table public.ml_notifications (
    id uuid primary key default pg_catalog.gen_random_uuid(),
    event text not null,
    severity text not null,
    model_type text references public.ml_model_types (name),
    environment public.ml_environment not null,
    subject text,
    job_id uuid references public.ml_training_jobs (id) on delete set null,
    deployment_id uuid references public.ml_model_deployments (id) on delete set null,
    alert_id uuid references public.ml_alerts (id) on delete set null,
    data jsonb not null default '{}',
    occurrences integer not null default 1,
    first_at timestamptz not null default pg_catalog.clock_timestamp(),
    last_at timestamptz not null default pg_catalog.clock_timestamp(),
    resolved_at timestamptz,
    begun_again_at timestamptz,
    to_plan boolean not null default true,
    plan_error text,
    constraint ml_notifications_event_is_known check (
        event in (
            'degradation', 'data_quality', 'training_succeeded', 'training_failed',
            'deployment_failed', 'deployed', 'rolled_back', 'approval_needed', 'schedule_missed',
            'digest'
        )
    ),
    constraint ml_notifications_severity_is_known check (
        severity in ('info', 'warning', 'critical')
    ),
    constraint ml_notifications_digest_is_of_all check ((event = 'digest') = (model_type is null)),
    constraint ml_notifications_occurred check (occurrences >= 1),
    constraint ml_notifications_only_what_stands_is_resolved check (
        resolved_at is null or subject is not null
    )
);
comment on table public.ml_notifications is
'What people are to be told, with the figures of the time; written in the transaction of what happened.';
comment on column public.ml_notifications.subject is
'What stands until it is resolved, such as alert:<id>: seen again it is counted here. Null: something that happened once.';
comment on column public.ml_notifications.data is
'The figures that a sentence about it needs, as they were; no address and no secret.';
comment on column public.ml_notifications.occurrences is 'How often it was seen while it stands.';
comment on column public.ml_notifications.begun_again_at is
'When it was last there again so soon after its end that nobody had been told of that.';
comment on column public.ml_notifications.to_plan is
'Whether it has changed since it was last asked which channels hear of it.';
comment on column public.ml_notifications.plan_error is
'Why it could not be found out which channels hear of it; the others were planned nevertheless.';
create unique index ml_notifications_one_standing on public.ml_notifications (subject)
where resolved_at is null;
create index ml_notifications_to_plan on public.ml_notifications (first_at) where to_plan;
create index ml_notifications_by_age on public.ml_notifications (first_at desc, id desc);
create index ml_notifications_by_type
on public.ml_notifications (model_type, first_at desc, id desc);
create index ml_notifications_by_end on public.ml_notifications (model_type, resolved_at)
where resolved_at is not null;
create index ml_notifications_by_job on public.ml_notifications (job_id);
create index ml_notifications_by_deployment on public.ml_notifications (deployment_id);
create index ml_notifications_by_alert on public.ml_notifications (alert_id);

create table public.ml_notification_deliveries (
    id uuid primary key default pg_catalog.gen_random_uuid(),
    notification_id uuid not null references public.ml_notifications (id) on delete cascade,
    channel text not null,
    telling text not null,
    status text not null default 'pending',
    withheld_because text,
    folded_into uuid references public.ml_notification_deliveries (id) on delete set null,
    occurrences integer not null default 0,
    said_resolved boolean not null default false,
    attempts integer not null default 0,
    next_attempt_at timestamptz not null default pg_catalog.clock_timestamp(),
    give_up_at timestamptz,
    lease_token uuid,
    lease_owner text,
    last_error text,
    delivered_at timestamptz,
    created_at timestamptz not null default pg_catalog.clock_timestamp(),
    constraint ml_notification_deliveries_channel_is_a_name check (
        channel ~ '^[a-z0-9]([a-z0-9_.-]{0,38}[a-z0-9])?$'
    ),
    constraint ml_notification_deliveries_telling_is_known check (
        telling in ('opened', 'reminder', 'resolved')
    ),
    constraint ml_notification_deliveries_status_is_known check (
        status in ('pending', 'delivered', 'failed', 'withheld')
    ),
    constraint ml_notification_deliveries_withheld_has_reason check (
        (status = 'withheld') = (withheld_because is not null)
    ),
    constraint ml_notification_deliveries_reason_is_known check (
        withheld_because in (
            'not_chosen', 'less_severe', 'folded', 'told_by_another', 'over', 'begun_again'
        )
    ),
    constraint ml_notification_deliveries_delivered_has_time check (
        (status = 'delivered') = (delivered_at is not null)
    )
);
comment on table public.ml_notification_deliveries is
'One message to one channel each: that it began, that it still stands, that it is over. Channels are named, their addresses are nowhere in the database.';
comment on column public.ml_notification_deliveries.withheld_because is
'Why it is not sent: the channel did not choose the event, or nothing so harmless; another message says it too (folded, told_by_another); it was over before it could be told again, or there again before its end could be told (begun_again).';
comment on column public.ml_notification_deliveries.occurrences is
'How often it had been seen when it was told last.';
comment on column public.ml_notification_deliveries.said_resolved is
'Whether the message said that it is over.';
comment on column public.ml_notification_deliveries.next_attempt_at is
'When it is due; while a worker is at it, when its lease ends.';
comment on column public.ml_notification_deliveries.give_up_at is
'A day after the first attempt: no later attempt is planned.';
comment on column public.ml_notification_deliveries.lease_token is
'Proof of the worker that is at it; null when nobody is.';
create index ml_notification_deliveries_by_notification
on public.ml_notification_deliveries (notification_id, channel, created_at desc);
create index ml_notification_deliveries_by_fold
on public.ml_notification_deliveries (folded_into);
create index ml_notification_deliveries_due
on public.ml_notification_deliveries (channel, next_attempt_at) where status = 'pending';

create table private.notification_channels (
    name text primary key,
    events text[] not null,
    least_severity text not null,
    first_seen_at timestamptz not null default pg_catalog.clock_timestamp(),
    last_seen_at timestamptz not null default pg_catalog.clock_timestamp(),
    constraint notification_channels_channel_is_a_name check (
        name ~ '^[a-z0-9]([a-z0-9_.-]{0,38}[a-z0-9])?$'
    ),
    constraint notification_channels_severity_is_known check (
        least_severity in ('info', 'warning', 'critical')
    )
);
comment on table private.notification_channels is
'The channels that workers have lately, by name: what each wants to hear, never where it is.';

create table private.digests (
    environment public.ml_environment primary key,
    told_until timestamptz not null
);
comment on table private.digests is
'Until when the digests of an environment have told: the next one goes on from there.';

alter table public.ml_notifications enable row level security;
alter table public.ml_notification_deliveries enable row level security;
alter table private.notification_channels enable row level security;
alter table private.digests enable row level security;
revoke all on public.ml_notifications, public.ml_notification_deliveries,
private.notification_channels, private.digests
from public, anon, authenticated, service_role;
create policy "ML viewers can read notifications" on public.ml_notifications
for select to authenticated using ((select private.has_ml_role('viewer')));
create policy "ML viewers can read notification deliveries" on public.ml_notification_deliveries
for select to authenticated using ((select private.has_ml_role('viewer')));
create policy "channels are for the machinery alone" on private.notification_channels
for select to authenticated using (false);
create policy "digests are for the machinery alone" on private.digests
for select to authenticated using (false);
grant select on public.ml_notifications, public.ml_notification_deliveries
to authenticated, service_role;

select private.record_migration('20261124030100');
