-- n8n takes a callback once and answers 409 to the same one again: after an attempt that may have got
-- through, a 409 says that it did.
alter table public.ml_webhook_deliveries
add column may_have_arrived boolean not null default false;
comment on column public.ml_webhook_deliveries.may_have_arrived is
'Whether an attempt was sent whole and never answered: the receiver may have it.';

grant select (may_have_arrived) on public.ml_webhook_deliveries to authenticated, service_role;

create or replace function private.claim_webhook_deliveries(
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
            may_have_arrived = d.may_have_arrived or d.lease_token is not null,
            lease_token = pg_catalog.gen_random_uuid(), lease_owner = p_worker,
            give_up_at = coalesce(d.give_up_at, v_now + interval '1 day')
        from due where d.id = due.id
        returning d.*
    )
    select pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
        'id', c.id, 'lease_token', c.lease_token, 'url', c.url, 'origin', c.origin,
        'event', c.event, 'payload', c.payload, 'attempts', c.attempts,
        'may_have_arrived', c.may_have_arrived, 'created_at', c.created_at
    ) order by c.created_at, c.id)
    into v_claimed
    from claimed as c;
    return coalesce(v_claimed, '[]');
end
$$;

create or replace function private.finish_webhook_delivery(
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
    v_again boolean;
    v_given_up boolean;
begin
    if p_outcome is null
        or p_outcome not in ('delivered', 'retry', 'unanswered', 'failed', 'not_sent') then
        perform private.raise_error(
            422, 'invalid_request',
            'outcome must be delivered, retry, unanswered, failed or not_sent.'
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
    perform private.serve_request(v_row.payload ->> 'request_id');
    v_again := p_outcome in ('retry', 'unanswered', 'not_sent');
    v_given_up := v_again and v_next > v_row.give_up_at;
    update public.ml_webhook_deliveries set
        status = case
            when p_outcome = 'delivered' then 'delivered'
            when p_outcome = 'failed' or v_given_up then 'failed'
            else 'pending'
        end::public.ml_delivery_status,
        attempts = v_row.attempts - (p_outcome = 'not_sent')::integer,
        may_have_arrived = v_row.may_have_arrived or p_outcome = 'unanswered',
        next_attempt_at = case when v_again and not v_given_up then v_next else v_now end,
        delivered_at = case when p_outcome = 'delivered' then v_now end,
        last_error = pg_catalog.left(p_error, 1000) || case
            when v_given_up then pg_catalog.format(
                ' Given up after %s attempts.', v_row.attempts - (p_outcome = 'not_sent')::integer
            )
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
comment on function public.finish_webhook_delivery(uuid, uuid, text, text, double precision) is
'machinery: ends an attempt as delivered, failed, or to be tried again in so many seconds: retry, unanswered when it may have got through, or not_sent, which counts as no attempt; where that is over a day after the first claim, it has failed.';

select private.record_migration('20261124030700');
