-- Why a training was not begun, in figures beside the sentence: no one has to read them out of it.
alter table public.ml_training_jobs
add column skip_figures jsonb,
add constraint ml_training_jobs_skip_figures_have_a_kind check (
    skip_figures ? 'kind'
);
comment on column public.ml_training_jobs.skip_figures is
'What skip_reason was made from: {kind, ...}, kind not_needed, cool_down, monthly_retraining_budget or too_few_new_rows; null where nothing was skipped, or a worker of an earlier version did.';
comment on constraint ml_training_jobs_skip_figures_have_a_kind on public.ml_training_jobs is
'skip_figures must have a kind.';

create or replace function private.find_training_limit(
    p_type public.ml_model_types, p_environment public.ml_environment, p_moment timestamptz
) returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
    v_month constant timestamptz
        := pg_catalog.date_trunc('month', p_moment at time zone 'UTC') at time zone 'UTC';
    v_next_month constant timestamptz
        := (v_month at time zone 'UTC' + interval '1 month') at time zone 'UTC';
    v_last timestamptz;
    v_begun bigint;
begin
    select pg_catalog.max(j.training_begun_at) into v_last
    from public.ml_training_jobs as j
    where j.model_type = p_type.name and j.environment = p_environment
        and j.training_begun_at <= p_moment;
    if v_last + p_type.cool_down > p_moment then
        return pg_catalog.jsonb_build_object(
            'until', v_last + p_type.cool_down,
            'reason', pg_catalog.format(
                'cool_down: the last training began at %s; the next may begin at %s.',
                private.format_utc(v_last), private.format_utc(v_last + p_type.cool_down)
            ),
            'figures', pg_catalog.jsonb_build_object(
                'kind', 'cool_down', 'begun_at', v_last, 'until', v_last + p_type.cool_down
            )
        );
    end if;
    if p_type.monthly_retraining_budget is null then
        return null;
    end if;
    select pg_catalog.count(*) into v_begun
    from public.ml_training_jobs as j
    where j.model_type = p_type.name and j.environment = p_environment
        and j.training_begun_at >= v_month and j.training_begun_at < v_next_month;
    if v_begun >= p_type.monthly_retraining_budget then
        return pg_catalog.jsonb_build_object(
            'until', v_next_month,
            'reason', pg_catalog.format(
                'monthly_retraining_budget: %s of %s trainings have begun this month; the next may begin at %s.',
                v_begun, p_type.monthly_retraining_budget, private.format_utc(v_next_month)
            ),
            'figures', pg_catalog.jsonb_build_object(
                'kind', 'monthly_retraining_budget', 'begun', v_begun,
                'budget', p_type.monthly_retraining_budget, 'until', v_next_month
            )
        );
    end if;
    return null;
end
$$;
comment on function private.find_training_limit(
    public.ml_model_types, public.ml_environment, timestamptz
) is
'Which limit forbids a training at a time, with a reason, its figures and until when; null: none does.';

create or replace function private.finish_training_job(
    p_id uuid, p_lease_token uuid, p_outcome jsonb
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    v_job public.ml_training_jobs := private.hold_training_job(p_id, p_lease_token);
    v_status constant public.ml_job_status := p_outcome ->> 'status';
    v_check constant jsonb := p_outcome -> 'check';
    v_quality constant jsonb := p_outcome -> 'quality';
    v_retry constant boolean := v_status = 'failed'
        and coalesce((p_outcome ->> 'retry')::boolean, false)
        and v_job.attempt < 3 and v_job.cancel_requested_at is null;
    v_result jsonb;
begin
    if v_status in ('queued', 'running') then
        perform private.raise_error(409, 'illegal_transition', pg_catalog.format('A job cannot finish as %s.', v_status));
    end if;
    -- Locked in the order of every writer: model type first, then what belongs to it.
    perform from public.ml_model_types where name = v_job.model_type for no key update;
    if v_retry then
        update public.ml_training_jobs set
            status = 'queued', stage = 'queued', progress = 0, lease_token = null,
            lease_owner = null, lease_expires_at = null,
            queued_at = pg_catalog.clock_timestamp(), error = p_outcome -> 'error'
        where id = p_id
        returning * into v_job;
        return private.training_job_json(v_job);
    end if;
    if pg_catalog.jsonb_typeof(v_check) = 'object' then
        perform private.insert_check(v_check, v_job.environment, v_job.id, null, v_job.as_of);
    end if;
    if pg_catalog.jsonb_typeof(v_quality) = 'object' then
        perform private.insert_quality(v_job.model_type, v_job.id, v_quality, v_job.as_of);
    end if;
    if v_status = 'succeeded' then
        v_result := private.finish_training(v_job, p_outcome);
        perform private.resolve_alert(
            v_job.model_type, v_job.environment, array['training_failure', 'data_quality']
        );
    elsif v_status = 'failed' then
        perform private.raise_alert(
            v_job.model_type, v_job.environment,
            case p_outcome -> 'error' ->> 'type' when 'data' then 'data_quality' else 'training_failure' end,
            'critical', coalesce(p_outcome -> 'error' ->> 'detail', 'The training failed.'),
            pg_catalog.jsonb_build_object('job_id', v_job.id)
        );
    end if;
    update public.ml_training_jobs set
        status = v_status, stage = v_status::text,
        progress = case when v_status in ('succeeded', 'skipped') then 1 else progress end,
        lease_token = null, lease_expires_at = null,
        finished_at = pg_catalog.clock_timestamp(),
        check_result = nullif(v_check, 'null') - 'monitor',
        plan = nullif(p_outcome -> 'model' -> 'plan', 'null'),
        fingerprint = nullif(p_outcome -> 'fingerprint', 'null'),
        result = v_result,
        skip_reason = p_outcome ->> 'skip_reason',
        skip_figures = nullif(p_outcome -> 'skip_figures', 'null'),
        error = nullif(p_outcome -> 'error', 'null')
    where id = p_id
    returning * into v_job;
    return private.training_job_json(v_job) || pg_catalog.jsonb_build_object(
        'follow_up_id', private.close_training_job(v_job)
    );
end
$$;

comment on function public.begin_training(uuid, uuid) is
'machinery: asks whether cool-down and budget allow the training that a job has decided on, and counts it, unless it only judges a model that was brought; {allowed}, or {allowed, reason, figures, until}.';

select private.record_migration('20261124190100');
