-- What was never sent, as there is no secret to sign with, does not count as an attempt: the first
-- answer of the receiver is followed by the first and shortest pause.
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
    if p_outcome is null or p_outcome not in ('delivered', 'retry', 'failed', 'not_sent') then
        perform private.raise_error(
            422, 'invalid_request', 'outcome must be delivered, retry, failed or not_sent.'
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
    v_again := p_outcome in ('retry', 'not_sent');
    v_given_up := v_again and v_next > v_row.give_up_at;
    update public.ml_webhook_deliveries set
        status = case
            when p_outcome = 'delivered' then 'delivered'
            when p_outcome = 'failed' or v_given_up then 'failed'
            else 'pending'
        end::public.ml_delivery_status,
        attempts = v_row.attempts - (p_outcome = 'not_sent')::integer,
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
'machinery: ends an attempt as delivered, failed, or to be tried again in so many seconds, which counts as an attempt unless it was not_sent; where that is over a day after the first claim, it has failed.';

select private.record_migration('20261124011000');
