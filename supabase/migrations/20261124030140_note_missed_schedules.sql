-- A slot that passed with nobody there to start it.
create function private.note_slot(
    p_schedule public.ml_retraining_schedules, p_due_at timestamptz
) returns void
language plpgsql
set search_path = ''
as $$
declare
    v_late constant interval := pg_catalog.clock_timestamp() - p_due_at;
    v_subject constant text := 'schedule:' || p_schedule.id;
begin
    -- Whoever ticks at all does so every minute or so: this is many times as long.
    if v_late <= interval '15 minutes' then
        perform private.note_end(v_subject);
        return;
    end if;
    perform private.note_event(
        'schedule_missed', 'warning', p_schedule.model_type, p_schedule.environment, v_subject,
        null, null, null,
        pg_catalog.jsonb_build_object(
            'schedule_id', p_schedule.id, 'kind', p_schedule.kind, 'cron', p_schedule.cron,
            'time_zone', p_schedule.time_zone, 'due_at', p_due_at,
            'late_seconds', pg_catalog.floor(extract(epoch from v_late))
        )
    );
end
$$;
comment on function private.note_slot(public.ml_retraining_schedules, timestamptz) is
'Notes a slot that is started over 15 minutes late; the next that is in time ends it.';

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
    perform private.note_slot(v_row, p_expected_run_at);
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

select private.set_function_class(
    'private.note_slot(public.ml_retraining_schedules, timestamptz)', 'internal'
);

select private.record_migration('20261124030140');
