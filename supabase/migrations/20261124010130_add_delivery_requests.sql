-- Looking at callbacks, and asking for one again.
create function public.list_webhook_deliveries(
    p_status public.ml_delivery_status default null, p_limit integer default 50,
    p_cursor text default null, p_actor jsonb default null
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
        select pg_catalog.jsonb_build_object(
            'id', d.id, 'training_job_id', d.training_job_id,
            'model_type', d.payload ->> 'model_type', 'environment', d.payload ->> 'environment',
            'request_id', d.payload ->> 'request_id', 'event', d.event, 'origin', d.origin,
            'status', d.status, 'attempts', d.attempts,
            'next_attempt_at', case when d.status = 'pending' then d.next_attempt_at end,
            'last_error', d.last_error, 'delivered_at', d.delivered_at,
            'created_at', d.created_at
        ) as item
        from public.ml_webhook_deliveries as d
        where (p_status is null or d.status = p_status)
            and (p_cursor is null or (d.created_at, d.id)
                < (private.cursor_time(p_cursor), private.cursor_id(p_cursor)::uuid))
        order by d.created_at desc, d.id desc
        limit p_limit + 1
    ) as x;
    return private.page(v_rows, p_limit, 'created_at');
end
$$;
comment on function public.list_webhook_deliveries(
    public.ml_delivery_status, integer, text, jsonb
) is
'read, viewer: callbacks, newest first, with scheme and host of their addresses.';

create function private.retry_webhook_delivery(p_id uuid, p_actor jsonb) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    v_status public.ml_delivery_status;
begin
    perform private.require_role('operator', p_actor);
    select status into v_status from public.ml_webhook_deliveries where id = p_id for update;
    if not found then
        perform private.raise_error(
            404, 'not_found', pg_catalog.format('There is no delivery %s.', p_id)
        );
    end if;
    if v_status <> 'failed' then
        perform private.raise_error(
            409, 'illegal_transition',
            pg_catalog.format('The delivery %s is %s: only a failed one is tried again.', p_id, v_status)
        );
    end if;
    update public.ml_webhook_deliveries set
        status = 'pending', attempts = 0, next_attempt_at = pg_catalog.clock_timestamp(),
        give_up_at = null
    where id = p_id;
    return pg_catalog.jsonb_build_object('id', p_id, 'status', 'pending');
end
$$;
comment on function private.retry_webhook_delivery(uuid, jsonb) is
'See public.retry_webhook_delivery.';

create function public.retry_webhook_delivery(p_id uuid, p_actor jsonb default null) returns jsonb
language sql
set search_path = ''
return private.retry_webhook_delivery(p_id, p_actor);
comment on function public.retry_webhook_delivery(uuid, jsonb) is
'request, operator: a failed callback is due again at once, under the same id, for another day.';

select private.set_function_class(f, 'read')
from unnest(array[
    'public.list_webhook_deliveries(public.ml_delivery_status, integer, text, jsonb)'
]::regprocedure[]) as f;

select private.set_function_class(f, 'request')
from unnest(array[
    'private.retry_webhook_delivery(uuid, jsonb)', 'public.retry_webhook_delivery(uuid, jsonb)'
]::regprocedure[]) as f;

select private.record_migration('20261124010130');
