-- When each stage of a training began: how long a job was at what.
create table private.job_stages (
    id bigint generated always as identity primary key,
    job_id uuid not null references public.ml_training_jobs (id) on delete cascade,
    attempt integer not null,
    stage text not null,
    began_at timestamptz not null default pg_catalog.clock_timestamp(),
    constraint job_stages_attempt_in_range check (attempt between 0 and 3)
);
comment on table private.job_stages is
'The stages of training jobs as they began, waiting and the end among them; kept as long as the job.';
comment on column private.job_stages.attempt is 'How many workers had claimed the job by then.';
create index job_stages_by_job on private.job_stages (job_id, id);

alter table private.job_stages enable row level security;
revoke all on private.job_stages from public, anon, authenticated, service_role;
create policy "ML viewers can read job stages" on private.job_stages
for select to authenticated using ((select private.has_ml_role('viewer')));
grant select on private.job_stages to authenticated, service_role;

create function private.note_job_stage() returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
    insert into private.job_stages (job_id, attempt, stage)
    values (new.id, new.attempt, new.stage);
    return null;
end
$$;
comment on function private.note_job_stage() is
'Trigger: keeps when a stage of a training job began.';

-- Claims, heartbeats, ends and the sweep all set the stage: whoever does, it is noted here.
create trigger note_first_stage after insert on public.ml_training_jobs
for each row execute function private.note_job_stage();
create trigger note_next_stage after update of stage on public.ml_training_jobs
for each row when (old.stage is distinct from new.stage)
execute function private.note_job_stage();

select private.set_function_class(f, 'internal')
from unnest(array[
    'private.note_job_stage()'
]::regprocedure[]) as f;

select private.record_migration('20261124030500');
