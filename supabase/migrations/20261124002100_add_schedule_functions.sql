-- One tick of the schedules. When a cron expression fires next is computed by a cron library
-- outside; here it is only compared and moved on, so that any number of tickers do no harm.
create function private.list_due_schedules() returns jsonb
language sql stable security definer
set search_path = ''
return coalesce(
    (
        select pg_catalog.jsonb_agg(pg_catalog.to_jsonb(s) order by s.next_run_at, s.id)
        from public.ml_retraining_schedules as s
        inner join public.ml_model_types as t on s.model_type = t.name
        where
            s.enabled and t.enabled
            and (s.next_run_at is null or s.next_run_at <= pg_catalog.clock_timestamp())
    ), '[]'
);
comment on function private.list_due_schedules() is 'See public.list_due_schedules.';

create function public.list_due_schedules() returns jsonb
language sql
set search_path = ''
return private.list_due_schedules();
comment on function public.list_due_schedules() is
'machinery: schedules whose time has come, or whose next time was never computed.';

create function private.advance_schedule(
    p_id uuid, p_expected_run_at timestamptz, p_next_run_at timestamptz, p_worker text
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    v_actor constant jsonb := private.act_as(pg_catalog.jsonb_build_object(
        'kind', 'system', 'id', p_worker, 'name', 'scheduler', 'role', 'admin'
    ));
    v_row public.ml_retraining_schedules;
begin
    -- Only the ticker that still sees the expected time moves it on: the run happens once.
    update public.ml_retraining_schedules set
        next_run_at = p_next_run_at,
        last_run_at = case
            when p_expected_run_at is null then last_run_at else pg_catalog.clock_timestamp()
        end
    where id = p_id and enabled and next_run_at is not distinct from p_expected_run_at
    returning * into v_row;
    if not found or p_expected_run_at is null then
        return '[]';
    end if;
    -- A check that is due is a retraining without force: the job checks first, and ends skipped
    -- when the champion is healthy.
    return (
        select coalesce(
            pg_catalog.jsonb_agg(
                pg_catalog.jsonb_build_object('actor', 'retrain', 'id', j.job ->> 'id')
            ), '[]'
        )
        from pg_catalog.jsonb_array_elements(
            private.trigger_retraining(
                array[v_row.model_type], v_row.kind = 'forced_retraining', false,
                v_row.environment, true, true, 'Schedule ' || v_row.cron, null, null, 'schedule',
                null, v_actor
            ) -> 'jobs'
        ) as j (job)
    );
end
$$;
comment on function private.advance_schedule(uuid, timestamptz, timestamptz, text) is
'See public.advance_schedule.';

create function public.advance_schedule(
    p_id uuid, p_expected_run_at timestamptz, p_next_run_at timestamptz, p_worker text
) returns jsonb
language sql
set search_path = ''
return private.advance_schedule(p_id, p_expected_run_at, p_next_run_at, p_worker);
comment on function public.advance_schedule(uuid, timestamptz, timestamptz, text) is
'machinery: moves a schedule on from the expected time and queues its work, once however many try.';

select private.set_function_class(f, 'machinery')
from unnest(array[
    'private.list_due_schedules()', 'public.list_due_schedules()',
    'private.advance_schedule(uuid, timestamptz, timestamptz, text)',
    'public.advance_schedule(uuid, timestamptz, timestamptz, text)'
]::regprocedure[]) as f;

select private.record_migration('20261124002100');
