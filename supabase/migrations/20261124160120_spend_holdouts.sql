-- The k-th judgement by the same rows must be stricter: which rows each one used is written down,
-- and what it concluded says by which rule.
alter table public.ml_model_validations
add column rule text,
add column alarm boolean,
add column alpha double precision,
add column holdout_use integer,
add column holdout_start timestamptz,
add column holdout_end timestamptz,
add constraint ml_model_validations_rule_is_known check (
    rule in ('none', 'first_model', 'surely_better', 'not_worse')
),
add constraint ml_model_validations_deploys_by_a_rule check (
    not auto_deployable or rule is distinct from 'none'
),
add constraint ml_model_validations_alpha_in_range check (alpha > 0 and alpha < 1),
add constraint ml_model_validations_use_is_positive check (holdout_use > 0),
add constraint ml_model_validations_holdout_is_ordered check (holdout_start <= holdout_end),
add constraint ml_model_validations_holdout_has_ends check (
    (holdout_start is null) = (holdout_end is null)
);
comment on column public.ml_model_validations.rule is
'By which rule it may replace the champion without a person; null: judged before rules were kept, as are the columns beside it.';
comment on column public.ml_model_validations.alarm is
'Whether the champion''s alarm stood: then a challenger that is as good is enough.';
comment on column public.ml_model_validations.alpha is
'One-sided level of the bound, after earlier judgements by the same rows.';
comment on column public.ml_model_validations.holdout_use is
'The how-manieth judgement by these rows against this champion.';
comment on column public.ml_model_validations.holdout_start is
'First label time of the rows that it judged by; to the last, holdout_end.';

create or replace function private.validation_json(p_row public.ml_model_validations) returns jsonb
language sql stable
set search_path = ''
return pg_catalog.to_jsonb(p_row) - 'ci_low' - 'ci_high' - 'holdout_start' - 'holdout_end'
|| pg_catalog.jsonb_build_object(
    'confidence_interval',
    case
        when p_row.ci_low is not null
            then pg_catalog.jsonb_build_array(p_row.ci_low, p_row.ci_high)
    end,
    'holdout',
    case
        when p_row.holdout_start is not null
            then pg_catalog.jsonb_build_object(
                'start', p_row.holdout_start, 'end', p_row.holdout_end
            )
    end
);
comment on function private.validation_json(public.ml_model_validations) is
'A validation as JSON, its interval as a pair and the span of its holdout as one object.';

create function private.is_judged_meanwhile(p_validation jsonb) returns boolean
language sql stable
set search_path = ''
as $$
    with later as (
        select h.holdout_start, h.holdout_end
        from private.holdout_ledger as h
        inner join public.ml_model_validations as v on h.validation_id = v.id
        where v.champion_deployment_id = (p_validation ->> 'champion_deployment_id')::uuid
        order by h.id
        offset (p_validation ->> 'holdouts_read')::integer
    )

    select exists (
        select from later as l
        where l.holdout_start <= (p_validation -> 'holdout' ->> 'end')::timestamptz
            and l.holdout_end >= (p_validation -> 'holdout' ->> 'start')::timestamptz
    )
$$;
comment on function private.is_judged_meanwhile(jsonb) is
'Whether another judgement used some of the same rows against the same champion after this one had counted its uses.';

create or replace function private.insert_validation(
    p_model public.ml_models, p_environment public.ml_environment, p_validation jsonb,
    p_job_id uuid, p_operation_id uuid, p_as_of timestamptz
) returns public.ml_model_validations
language plpgsql
set search_path = ''
as $$
declare
    -- The caller holds the model type's row lock. A judgement that counted too few uses of its
    -- rows was too lenient to let the model serve without a person.
    v_late constant boolean := (p_validation ->> 'auto_deployable')::boolean
        and p_validation ? 'holdouts_read' and private.is_judged_meanwhile(p_validation);
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
    if v_row.holdout_start is not null then
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
comment on function private.insert_validation(
    public.ml_models, public.ml_environment, jsonb, uuid, uuid, timestamptz
) is
'Writes a judgement and the rows that it used, and what follows from it for the model''s standing.';

-- The answer says what was written, not what the worker took for granted.
create or replace function private.apply_target(
    p_operation public.ml_operations, p_item jsonb
) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
    v_model public.ml_models;
    v_validation public.ml_model_validations;
begin
    if p_operation.kind = 'check' then
        perform from public.ml_model_types
        where name = p_item ->> 'model_type' for no key update;
        perform private.insert_check(
            p_item, p_operation.environment, null, p_operation.id, p_operation.as_of
        );
        if pg_catalog.jsonb_typeof(p_item -> 'quality') = 'object' then
            perform private.insert_quality(
                p_item ->> 'model_type', null, p_item -> 'quality', p_operation.as_of
            );
        end if;
        -- What a check leaves behind is for the next one, not for who asked.
        return p_item - 'monitor';
    end if;
    select * into v_model from public.ml_models where id = (p_item ->> 'model_id')::uuid;
    perform from public.ml_model_types where name = v_model.model_type for no key update;
    if p_operation.kind = 'validation' then
        v_validation := private.insert_validation(
            v_model, p_operation.environment, p_item, null, p_operation.id, p_operation.as_of
        );
        return p_item - 'holdouts_read' || pg_catalog.jsonb_build_object(
            'validation_id', v_validation.id, 'auto_deployable', v_validation.auto_deployable,
            'rule', v_validation.rule, 'reason', v_validation.reason
        );
    end if;
    if p_item ->> 'artifact_hash' is null then
        perform private.raise_error(
            422, 'invalid_request', 'A deployment needs artifact_hash: what its worker has checked.'
        );
    end if;
    return private.deploy_model(
        v_model.id, p_operation.environment, p_item ->> 'artifact_hash',
        coalesce((p_operation.parameters ->> 'force')::boolean, false),
        p_operation.parameters ->> 'reason', p_operation.as_of, p_operation.requested_by
    );
end
$$;

select private.set_function_class(
    'private.is_judged_meanwhile(jsonb)'::regprocedure, 'internal'
);

select private.record_migration('20261124160120');
