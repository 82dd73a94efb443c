-- What a decision was made from: the rows that belong to it, by the id of any of them.
create function public.explain_decision(p_id uuid, p_actor jsonb default null) returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
    v_kind text;
    v_operation public.ml_operations;
    v_deployment public.ml_model_deployments;
    v_model public.ml_models;
    v_job public.ml_training_jobs;
    v_validation public.ml_model_validations;
    v_type public.ml_model_types;
begin
    perform private.require_role('viewer', p_actor);
    select * into v_operation from public.ml_operations where id = p_id;
    if found then
        return pg_catalog.jsonb_build_object(
            'kind', 'operation', 'operation', private.operation_json(v_operation)
        );
    end if;
    select * into v_deployment from public.ml_model_deployments where id = p_id;
    select * into v_model from public.ml_models where id = coalesce(v_deployment.model_id, p_id);
    v_kind := case
        when v_deployment.id is not null then 'deployment'
        when v_model.id is not null then 'model'
        else 'job'
    end;
    select * into v_job
    from public.ml_training_jobs
    where id = coalesce(v_model.training_job_id, p_id);
    if not found then
        perform private.raise_error(
            404, 'not_found',
            pg_catalog.format('There is no job, model, deployment, check or validation %s.', p_id),
            '`refit history` shows ids with --json.'
        );
    end if;
    if v_kind = 'job' then
        select * into v_model from public.ml_models where training_job_id = p_id;
    end if;
    select * into v_validation
    from public.ml_model_validations as v
    where case v_kind
        when 'deployment' then v.id = v_deployment.validation_id
        when 'model' then v.model_id = v_model.id
        else v.training_job_id = p_id
    end
    order by v.created_at desc, v.id desc
    limit 1;
    select * into v_type from public.ml_model_types where name = v_job.model_type;
    return pg_catalog.jsonb_build_object(
        'kind', v_kind,
        'model_type', v_type.name,
        'title', coalesce(nullif(v_type.title, ''), v_type.name),
        'metric', v_type.metric,
        'job', private.training_job_json(v_job),
        'model', case
            when v_model.id is not null then pg_catalog.jsonb_build_object(
                'id', v_model.id, 'version', v_model.version, 'status', v_model.status,
                'engine', v_model.engine, 'plan', v_model.plan, 'final_fit', v_model.final_fit,
                'quarantined_at', v_model.quarantined_at,
                'quarantine_reason', v_model.quarantine_reason
            )
        end,
        'validation', case
            when v_validation.id is not null then private.validation_json(v_validation)
        end,
        'deployments', (
            select coalesce(
                pg_catalog.jsonb_agg(
                    private.deployment_json(d) || pg_catalog.jsonb_build_object(
                        'replaced_version', (
                            select m.version
                            from public.ml_model_deployments as earlier
                            inner join public.ml_models as m on earlier.model_id = m.id
                            where earlier.model_type = d.model_type
                                and earlier.environment = d.environment
                                and earlier.created_at < d.created_at
                            order by earlier.created_at desc, earlier.id desc
                            limit 1
                        )
                    ) order by d.created_at, d.id
                ), '[]'
            )
            from (
                select * from public.ml_model_deployments as all_of_them
                where all_of_them.model_id = v_model.id
                    and (v_kind <> 'deployment' or all_of_them.id = p_id)
                order by all_of_them.created_at desc, all_of_them.id desc
                limit 20
            ) as d
        )
    );
end
$$;
comment on function public.explain_decision(uuid, jsonb) is
'read, viewer: what a decision was made from, by the id of a job, model or deployment: the job with its check and plan, the model, its validation, and its last 20 deployments with what each replaced; or the operation of that id.';

select private.set_function_class('public.explain_decision(uuid, jsonb)'::regprocedure, 'read');

select private.record_migration('20261124160500');
