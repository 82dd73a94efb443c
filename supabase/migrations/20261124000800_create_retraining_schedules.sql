-- When to look, and when to retrain whatever a look says.
create table public.ml_retraining_schedules (
    id uuid primary key default pg_catalog.gen_random_uuid(),
    model_type text not null references public.ml_model_types (name),
    environment public.ml_environment not null,
    kind public.ml_schedule_kind not null,
    cron text not null,
    time_zone text not null default 'UTC',
    enabled boolean not null default true,
    next_run_at timestamptz,
    last_run_at timestamptz,
    created_at timestamptz not null default pg_catalog.clock_timestamp(),
    updated_at timestamptz not null default pg_catalog.clock_timestamp(),
    constraint ml_retraining_schedules_one_of_a_kind unique (model_type, environment, kind),
    constraint ml_retraining_schedules_cron_has_five_fields check (
        cron ~ '^\S+( \S+){4}$' and pg_catalog.length(cron) <= 100
    )
);
comment on table public.ml_retraining_schedules is
'Performance checks (every 4 hours unless said otherwise) and forced retrainings (weekly).';
comment on column public.ml_retraining_schedules.next_run_at is
'Null: not computed yet; the next tick does it.';
comment on constraint ml_retraining_schedules_cron_has_five_fields
on public.ml_retraining_schedules is
'cron must have five fields separated by single spaces, such as 0 */4 * * *.';
comment on constraint ml_retraining_schedules_one_of_a_kind
on public.ml_retraining_schedules is
'There is a schedule of this kind for this model type and environment already: update it.';
create index ml_retraining_schedules_due on public.ml_retraining_schedules (next_run_at)
where enabled;

select private.record_migration('20261124000800');
