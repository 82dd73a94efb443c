-- How workers take the callbacks that are due, and say what came of each.
create function private.claim_webhook_deliveries(
    p_worker text, p_limit integer, p_lease_seconds integer
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    v_now constant timestamptz := pg_catalog.clock_timestamp();
    v_claimed jsonb;
begin
    perform private.act_as_worker(p_worker);
    with due as (
        select d.id from public.ml_webhook_deliveries as d
        where d.status = 'pending' and d.next_attempt_at <= v_now
        order by d.next_attempt_at limit p_limit
        for update skip locked
    ), claimed as (
        -- The lease is a time: what a killed worker was at is due again when it is over.
        update public.ml_webhook_deliveries as d set
            attempts = d.attempts + 1,
            next_attempt_at = v_now + p_lease_seconds * interval '1 second',
            lease_token = pg_catalog.gen_random_uuid(), lease_owner = p_worker,
            give_up_at = coalesce(d.give_up_at, v_now + interval '1 day')
        from due where d.id = due.id
        returning d.*
    )
    select pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
        'id', c.id, 'lease_token', c.lease_token, 'url', c.url, 'origin', c.origin,
        'event', c.event, 'payload', c.payload, 'attempts', c.attempts, 'created_at', c.created_at
    ) order by c.created_at, c.id)
    into v_claimed
    from claimed as c;
    return coalesce(v_claimed, '[]');
end
$$;
comment on function private.claim_webhook_deliveries(text, integer, integer) is
'See public.claim_webhook_deliveries.';

create function public.claim_webhook_deliveries(
    p_worker text, p_limit integer, p_lease_seconds integer default 30
) returns jsonb
language sql
set search_path = ''
return private.claim_webhook_deliveries(p_worker, p_limit, p_lease_seconds);
comment on function public.claim_webhook_deliveries(text, integer, integer) is
'machinery: takes callbacks that are due under a lease, with their addresses; each is given to one worker.';

create function private.finish_webhook_delivery(
    p_id uuid, p_lease_token uuid, p_outcome text, p_error text,
    p_retry_seconds double precision
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    v_now constant timestamptz := pg_catalog.clock_timestamp();
    v_next constant timestamptz := v_now + coalesce(p_retry_seconds, 0) * interval '1 second';
    v_row public.ml_webhook_deliveries;
    v_given_up boolean;
begin
    if p_outcome is null or p_outcome not in ('delivered', 'retry', 'failed') then
        perform private.raise_error(
            422, 'invalid_request', 'outcome must be delivered, retry or failed.'
        );
    end if;
    select * into v_row from public.ml_webhook_deliveries
    where id = p_id and status = 'pending' and lease_token = p_lease_token
    for update;
    if not found then
        perform private.raise_error(
            409, 'lease_lost', pg_catalog.format('The delivery %s is not yours any more.', p_id)
        );
    end if;
    perform private.act_as_worker(v_row.lease_owner);
    v_given_up := p_outcome = 'retry' and v_next > v_row.give_up_at;
    update public.ml_webhook_deliveries set
        status = case
            when p_outcome = 'delivered' then 'delivered'
            when p_outcome = 'failed' or v_given_up then 'failed'
            else 'pending'
        end::public.ml_delivery_status,
        next_attempt_at = case when p_outcome = 'retry' and not v_given_up then v_next else v_now end,
        delivered_at = case when p_outcome = 'delivered' then v_now end,
        last_error = pg_catalog.left(p_error, 1000) || case
            when v_given_up then pg_catalog.format(' Given up after %s attempts.', v_row.attempts)
            else ''
        end,
        lease_token = null, lease_owner = null
    where id = p_id
    returning * into v_row;
    return pg_catalog.jsonb_build_object(
        'id', v_row.id, 'status', v_row.status, 'attempts', v_row.attempts,
        'next_attempt_at', v_row.next_attempt_at
    );
end
$$;
comment on function private.finish_webhook_delivery(uuid, uuid, text, text, double precision) is
'See public.finish_webhook_delivery.';

create function public.finish_webhook_delivery(
    p_id uuid, p_lease_token uuid, p_outcome text, p_error text default null,
    p_retry_seconds double precision default null
) returns jsonb
language sql
set search_path = ''
return private.finish_webhook_delivery(p_id, p_lease_token, p_outcome, p_error, p_retry_seconds);
comment on function public.finish_webhook_delivery(uuid, uuid, text, text, double precision) is
'machinery: ends an attempt as delivered, failed, or to be tried again in so many seconds; where that is over a day after the first attempt, it has failed.';

select private.set_function_class(f, 'machinery')
from unnest(array[
    'private.claim_webhook_deliveries(text, integer, integer)',
    'public.claim_webhook_deliveries(text, integer, integer)',
    'private.finish_webhook_delivery(uuid, uuid, text, text, double precision)',
    'public.finish_webhook_delivery(uuid, uuid, text, text, double precision)'
]::regprocedure[]) as f;

select private.record_migration('20261124010120');
