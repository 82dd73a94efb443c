-- What sending a callback needs: who is at it, when to give up, and what may be shown of its address.
alter table public.ml_webhook_deliveries
add column origin text not null generated always as (
    pg_catalog.lower(
        pg_catalog.regexp_replace(
            url, '^(https?://)(?:[^/?#\\]*@)?([^/?#\\]*).*$', '\1\2', 'i'
        )
    )
) stored,
add column lease_token uuid,
add column lease_owner text,
add column give_up_at timestamptz;
comment on column public.ml_webhook_deliveries.origin is
'Scheme and host of the address: all of it that is ever shown.';
comment on column public.ml_webhook_deliveries.attempts is
'How often it was begun since it was asked for, or asked for again.';
comment on column public.ml_webhook_deliveries.next_attempt_at is
'When it is due; while a worker is at it, when its lease ends.';
comment on column public.ml_webhook_deliveries.lease_token is
'Proof of the worker that is at it; null when nobody is.';
comment on column public.ml_webhook_deliveries.give_up_at is
'A day after the first attempt: no later attempt is planned.';

grant select (origin, lease_token, lease_owner, give_up_at)
on public.ml_webhook_deliveries to authenticated, service_role;

create or replace trigger audit after insert or update on public.ml_webhook_deliveries
for each row execute function private.audit_change(
    'webhook_delivery', 'event', 'origin', 'status'
);

alter table private.training_job_callbacks add column request_id text;
comment on column private.training_job_callbacks.request_id is
'Of the request that named the address; the callback brings it back.';

select private.record_migration('20261124010100');
