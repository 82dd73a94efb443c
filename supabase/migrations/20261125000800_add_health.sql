-- Who works: for whoever watches the functions or a container.
create function private.get_health() returns jsonb
language sql stable security definer
set search_path = ''
return (
    select pg_catalog.jsonb_build_object(
        'workers', coalesce(
            pg_catalog.jsonb_agg(w.id order by w.id) filter (where w.kind = 'worker'), '[]'
        ),
        'schedulers', coalesce(
            pg_catalog.jsonb_agg(w.id order by w.id) filter (where w.kind = 'scheduler'), '[]'
        )
    )
    from private.workers as w
    where w.last_seen_at > pg_catalog.clock_timestamp() - interval '30 seconds'
);
comment on function private.get_health() is 'See public.get_health.';

create function public.get_health() returns jsonb
language sql
set search_path = ''
return private.get_health();
comment on function public.get_health() is
'machinery: the names of the workers and schedulers that were seen in the last 30 seconds.';

select private.set_function_class(f, 'machinery')
from unnest(array['private.get_health()', 'public.get_health()']::regprocedure[]) as f;

select private.record_migration('20261125000800');
