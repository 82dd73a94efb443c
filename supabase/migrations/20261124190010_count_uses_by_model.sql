-- The same model judged again by the same rows gets the same answer: it is no further chance to
-- win by luck, and so no further use. The artifact's hash tells the same model, also where another
-- training made it again.
comment on table private.holdout_ledger is
'By which rows which model was judged: the k-th use of the same rows must be stricter. The same model judged again by the same rows is no further use.';

create function private.list_holdout_uses(p_deployment_id uuid)
returns table (
    place bigint, artifact_hash text, holdout_start timestamptz, holdout_end timestamptz,
    samples integer
)
language sql stable
set search_path = ''
as $$
    select
        pg_catalog.row_number() over (order by h.id), m.artifact_hash, h.holdout_start,
        h.holdout_end, v.samples
    from private.holdout_ledger as h
    inner join public.ml_model_validations as v on h.validation_id = v.id
    inner join public.ml_models as m on v.model_id = m.id
    where v.champion_deployment_id = p_deployment_id
$$;
comment on function private.list_holdout_uses(uuid) is
'The uses of rows to judge models against a deployment: in which place of the order, which model, and by which rows.';

create function private.place_of_use(
    p_deployment_id uuid, p_artifact_hash text, p_start timestamptz, p_end timestamptz,
    p_samples integer
) returns bigint
language sql stable
set search_path = ''
return (
    select pg_catalog.min(u.place)
    from private.list_holdout_uses(p_deployment_id) as u
    where
        u.artifact_hash = p_artifact_hash and u.holdout_start = p_start
        and u.holdout_end = p_end and u.samples = p_samples
);
comment on function private.place_of_use(uuid, text, timestamptz, timestamptz, integer) is
'In which place the same model was judged by the very same rows against a deployment; null: it was not.';

create or replace function private.watched_champion_json(
    p_model_type text, p_environment public.ml_environment, p_evaluated_at timestamptz
) returns jsonb
language sql stable
set search_path = ''
return (
    select
        c.champion || pg_catalog.jsonb_build_object(
            'monitor', (
                select
                    pg_catalog.jsonb_build_object(
                        'revision', s.revision, 'seen_until', s.seen_until, 'state', s.state
                    )
                from private.detector_state as s
                where s.deployment_id = (c.champion ->> 'id')::uuid
            ),
            'attempted_at', private.last_attempt_on((c.champion ->> 'id')::uuid, p_evaluated_at),
            'holdouts', (
                select
                    coalesce(
                        pg_catalog.jsonb_agg(
                            pg_catalog.jsonb_build_object(
                                'start', u.holdout_start, 'end', u.holdout_end,
                                'rows', u.samples, 'artifact_hash', u.artifact_hash
                            ) order by u.place
                        ), '[]'
                    )
                from private.list_holdout_uses((c.champion ->> 'id')::uuid) as u
            )
        )
    from (select private.champion_json(p_model_type, p_environment) as champion) as c
    where c.champion is not null
);

drop function private.is_judged_meanwhile(jsonb);

create function private.is_judged_meanwhile(p_validation jsonb, p_place bigint) returns boolean
language sql stable
set search_path = ''
return exists (
    select from private.list_holdout_uses((p_validation ->> 'champion_deployment_id')::uuid) as u
    where
        u.place > (p_validation ->> 'holdouts_read')::integer
        -- Uses after its own place have counted this one, not it them.
        and (p_place is null or u.place < p_place)
        and u.holdout_start <= (p_validation -> 'holdout' ->> 'end')::timestamptz
        and u.holdout_end >= (p_validation -> 'holdout' ->> 'start')::timestamptz
);
comment on function private.is_judged_meanwhile(jsonb, bigint) is
'Whether another judgement used some of the same rows against the same champion after this one had counted its uses, and before its own place where it has one.';

create or replace function private.insert_validation(
    p_model public.ml_models, p_environment public.ml_environment, p_validation jsonb,
    p_job_id uuid, p_operation_id uuid, p_as_of timestamptz
) returns public.ml_model_validations
language plpgsql
set search_path = ''
as $$
declare
    -- The caller holds the model type's row lock.
    v_place constant bigint := private.place_of_use(
        (p_validation ->> 'champion_deployment_id')::uuid, p_model.artifact_hash,
        (p_validation -> 'holdout' ->> 'start')::timestamptz,
        (p_validation -> 'holdout' ->> 'end')::timestamptz,
        (p_validation ->> 'samples')::integer
    );
    -- A judgement that counted too few uses of its rows was too lenient to let the model serve
    -- without a person.
    v_late constant boolean := (p_validation ->> 'auto_deployable')::boolean
        and p_validation ? 'holdouts_read'
        and private.is_judged_meanwhile(p_validation, v_place);
    v_row public.ml_model_validations;
begin
    insert into public.ml_model_validations (
        model_id, model_type, environment, champion_deployment_id, training_job_id,
        operation_id, verdict, auto_deployable, improvement, ci_low, ci_high, samples, gates,
        reason, as_of, rule, alarm, alpha, holdout_use, holdout_start, holdout_end
    ) values (
        p_model.id, p_model.model_type, p_environment,
        (p_validation ->> 'champion_deployment_id')::uuid, p_job_id, p_operation_id,
        (p_validation ->> 'verdict')::public.ml_validation_verdict,
        (p_validation ->> 'auto_deployable')::boolean and not v_late,
        (p_validation ->> 'improvement')::double precision,
        (p_validation -> 'confidence_interval' ->> 0)::double precision,
        (p_validation -> 'confidence_interval' ->> 1)::double precision,
        (p_validation ->> 'samples')::integer, p_validation -> 'gates',
        (p_validation ->> 'reason') || case
            when v_late
                then ' Another model was judged by the same rows meanwhile, so this one waits for a person.'
            else ''
        end,
        p_as_of, case when v_late then 'none' else p_validation ->> 'rule' end,
        (p_validation ->> 'alarm')::boolean, (p_validation ->> 'alpha')::double precision,
        (p_validation ->> 'holdout_use')::integer,
        (p_validation -> 'holdout' ->> 'start')::timestamptz,
        (p_validation -> 'holdout' ->> 'end')::timestamptz
    )
    returning * into v_row;
    if v_row.holdout_start is not null and v_place is null then
        insert into private.holdout_ledger (validation_id, holdout_start, holdout_end)
        values (v_row.id, v_row.holdout_start, v_row.holdout_end);
    end if;
    -- The status is the model's global standing: once approved somewhere it stays approved, and
    -- an inconclusive judgement changes nothing.
    update public.ml_models as m set
        status = case
            when m.status = 'approved' or v_row.verdict = 'approved' then 'approved'
            when v_row.verdict = 'rejected' then 'rejected'
            else m.status
        end::public.ml_model_status,
        final_artifact_hash = coalesce(
            m.final_artifact_hash, p_validation -> 'final_fit' ->> 'artifact_hash'
        ),
        final_fit = coalesce(m.final_fit, nullif(p_validation -> 'final_fit', 'null'))
    where m.id = p_model.id;
    return v_row;
end
$$;

select private.set_function_class(f, 'internal')
from unnest(array[
    'private.list_holdout_uses(uuid)',
    'private.place_of_use(uuid, text, timestamptz, timestamptz, integer)',
    'private.is_judged_meanwhile(jsonb, bigint)'
]::regprocedure[]) as f;

select private.record_migration('20261124190010');
