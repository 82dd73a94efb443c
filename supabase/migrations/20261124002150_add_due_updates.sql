-- A metric and a quality row of every champion now and then, also where no schedule checks it.
create function private.request_due_updates(p_worker text) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    v_actor constant jsonb := private.act_as(pg_catalog.jsonb_build_object(
        'kind', 'system', 'id', p_worker, 'name', 'scheduler', 'role', 'admin'
    ));
    v_rings jsonb := '[]';
    v_due record;
begin
    -- One ticker at a time; the others have nothing to do.
    if not pg_catalog.pg_try_advisory_xact_lock(pg_catalog.hashtextextended('refit.updates', 0)) then
        return v_rings;
    end if;
    for v_due in
        select t.name, d.environment
        from public.ml_model_types as t
        inner join public.ml_model_deployments as d on t.name = d.model_type
        cross join lateral (
            select pg_catalog.clock_timestamp() - case t.update_frequency
                when 'hourly' then interval '1 hour'
                when 'daily' then interval '1 day'
                else interval '7 days'
            end as since
        ) as f
        where t.enabled and not t.replay and d.status = 'active' and d.created_at < f.since
            and not exists (
                select from public.ml_performance_metrics as m
                where m.model_type = t.name and m.environment = d.environment
                    and m.recorded_at > f.since
            )
            -- Asked already, whatever became of it: a broken one is not asked at every tick.
            and not exists (
                select from public.ml_operations as o
                where o.kind = 'check' and o.environment = d.environment
                    and o.created_at > f.since and o.parameters -> 'model_types' ? t.name
            )
        order by t.name, d.environment
    loop
        v_rings := v_rings || pg_catalog.jsonb_build_object(
            'actor', 'check_performance',
            'id', private.insert_operation(
                'check', v_due.environment,
                pg_catalog.jsonb_build_object(
                    'model_types', array[v_due.name], 'threshold', null, 'time_window', 7,
                    'with_quality', true
                ),
                null, null, v_actor
            ) ->> 'operation_id'
        );
    end loop;
    return v_rings;
end
$$;
comment on function private.request_due_updates(text) is 'See public.request_due_updates.';

create function public.request_due_updates(p_worker text) returns jsonb
language sql
set search_path = ''
return private.request_due_updates(p_worker);
comment on function public.request_due_updates(text) is
'machinery: queues a check, with data quality, of each champion that was not checked within its model type''s update_frequency.';

select private.set_function_class(f, 'machinery')
from unnest(array[
    'private.request_due_updates(text)', 'public.request_due_updates(text)'
]::regprocedure[]) as f;

select private.record_migration('20261124002150');
