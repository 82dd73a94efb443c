-- Tickers do not wait for each other, and a change that changes nothing costs no slot.
create or replace function private.advance_schedule(
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
    -- Only the ticker that still sees the expected time moves it on: the run happens once. Where
    -- another one is at it, there is nothing to wait for.
    perform from public.ml_retraining_schedules
    where id = p_id and enabled and next_run_at is not distinct from p_expected_run_at
    for no key update skip locked;
    if not found then
        return '[]';
    end if;
    update public.ml_retraining_schedules set
        next_run_at = p_next_run_at,
        last_run_at = case
            when p_expected_run_at is null then last_run_at else pg_catalog.clock_timestamp()
        end
    where id = p_id
    returning * into v_row;
    if p_expected_run_at is null then
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

create or replace function private.update_schedule(p_id uuid, p_changes jsonb, p_actor jsonb) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    v_row public.ml_retraining_schedules;
    v_constraint text;
begin
    perform private.require_role('admin', p_actor);
    perform private.refuse_unknown_fields(
        p_changes, array['cron', 'time_zone', 'enabled'], 'A change of a schedule'
    );
    if p_changes ? 'time_zone' then
        perform private.check_time_zone(p_changes ->> 'time_zone');
    end if;
    -- When it fires is computed anew: slots missed while it was off do not run later.
    update public.ml_retraining_schedules as s set
        cron = coalesce(p_changes ->> 'cron', s.cron),
        time_zone = coalesce(p_changes ->> 'time_zone', s.time_zone),
        enabled = coalesce((p_changes ->> 'enabled')::boolean, s.enabled),
        next_run_at = case
            when
                s.cron = coalesce(p_changes ->> 'cron', s.cron)
                and s.time_zone = coalesce(p_changes ->> 'time_zone', s.time_zone)
                and s.enabled = coalesce((p_changes ->> 'enabled')::boolean, s.enabled)
                then s.next_run_at
        end,
        updated_at = pg_catalog.clock_timestamp()
    where s.id = p_id
    returning * into v_row;
    if not found then
        perform private.raise_error(404, 'not_found', pg_catalog.format('There is no schedule %s.', p_id));
    end if;
    return pg_catalog.to_jsonb(v_row);
exception
    when check_violation then
        get stacked diagnostics v_constraint = constraint_name;
        perform private.raise_constraint('public.ml_retraining_schedules', v_constraint);
end
$$;

select private.record_migration('20261124010310');
