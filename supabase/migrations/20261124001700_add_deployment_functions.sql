-- The swap of a champion, and the way back. Everything here runs under the model type's row lock.
create function private.check_deployable(
    p_model_id uuid, p_environment public.ml_environment, p_force boolean
) returns uuid
language plpgsql
set search_path = ''
as $$
declare
    v_model public.ml_models;
    v_champion public.ml_model_deployments;
    v_validation public.ml_model_validations;
begin
    select * into v_model from public.ml_models where id = p_model_id;
    if not found then
        perform private.raise_error(422, 'invalid_request', pg_catalog.format('There is no model %s.', p_model_id));
    end if;
    if v_model.quarantined_at is not null then
        perform private.raise_error(
            409, 'quarantined',
            pg_catalog.format(
                '%s version %s was rolled back: %s', v_model.model_type, v_model.version,
                v_model.quarantine_reason
            ),
            'Train a new one.'
        );
    end if;
    select * into v_champion from public.ml_model_deployments
    where model_type = v_model.model_type and environment = p_environment and status = 'active';
    if v_champion.model_id = p_model_id then
        return v_champion.validation_id;
    end if;
    select * into v_validation from public.ml_model_validations
    where model_id = p_model_id and environment = p_environment
    order by created_at desc, id desc
    limit 1;
    if p_force then
        return v_validation.id;
    end if;
    if v_validation.verdict is distinct from 'approved' then
        perform private.raise_error(
            409, 'not_approved',
            pg_catalog.format(
                '%s version %s is not approved for %s%s.', v_model.model_type, v_model.version,
                p_environment,
                case
                    when v_validation.id is null then ': it was never validated there'
                    else ': its last validation says ' || v_validation.verdict
                end
            ),
            'Validate it first, or let an admin force it.'
        );
    end if;
    if v_validation.champion_deployment_id is distinct from v_champion.id then
        perform private.raise_error(
            409, 'stale_validation',
            pg_catalog.format(
                '%s version %s was compared with another champion than the one that serves %s now.',
                v_model.model_type, v_model.version, p_environment
            ),
            'Validate it again.'
        );
    end if;
    return v_validation.id;
end
$$;
comment on function private.check_deployable(uuid, public.ml_environment, boolean) is
'The validation that lets a model serve, or the named error that says why it may not.';

create function private.deploy_model(
    p_model_id uuid, p_environment public.ml_environment, p_artifact_hash text, p_force boolean,
    p_reason text, p_as_of timestamptz, p_actor jsonb
) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
    v_model public.ml_models;
    v_champion public.ml_model_deployments;
    v_deployment public.ml_model_deployments;
    v_validation_id uuid;
    v_now constant timestamptz := pg_catalog.clock_timestamp();
begin
    select * into v_model from public.ml_models where id = p_model_id;
    perform from public.ml_model_types where name = v_model.model_type for no key update;
    v_validation_id := private.check_deployable(p_model_id, p_environment, p_force);
    select * into v_model from public.ml_models where id = p_model_id;
    select * into v_champion from public.ml_model_deployments
    where model_type = v_model.model_type and environment = p_environment and status = 'active'
    for update;
    if v_champion.model_id = p_model_id then
        return private.deployment_json(v_champion) || '{"changed": false}';
    end if;
    -- A validation may have brought a final fit meanwhile: nobody has tried whether it loads.
    if p_artifact_hash is distinct from coalesce(v_model.final_artifact_hash, v_model.artifact_hash)
    then
        perform private.raise_error(
            409, 'conflict',
            pg_catalog.format(
                'Another artifact of %s version %s would serve now than the one that was checked.',
                v_model.model_type, v_model.version
            ),
            'Deploy it again: then this one is checked.'
        );
    end if;
    update public.ml_model_deployments set
        status = 'retired', ended_at = v_now, valid_until = coalesce(p_as_of, v_now)
    where id = v_champion.id;
    insert into public.ml_model_deployments (
        model_id, model_type, environment, serves, artifact_hash, cutoff, reference,
        validation_id, forced, reason, deployed_by, valid_from
    ) values (
        v_model.id, v_model.model_type, p_environment,
        case
            when v_model.final_artifact_hash is not null then 'final_fit' else 'approved_fit'
        end::public.ml_served_fit,
        p_artifact_hash,
        case
            when v_model.final_artifact_hash is not null
                then v_model.window_end
            else v_model.train_end
        end,
        v_model.reference, v_validation_id, p_force, p_reason, p_actor, coalesce(p_as_of, v_now)
    )
    returning * into v_deployment;
    perform private.resolve_alert(
        v_model.model_type, p_environment,
        array['performance_degradation', 'artifact_mismatch', 'deployment_issue']
    );
    return private.deployment_json(v_deployment) || '{"changed": true}';
end
$$;
comment on function private.deploy_model(
    uuid, public.ml_environment, text, boolean, text, timestamptz, jsonb
) is
'Closes the champion''s deployment and opens the new one, in one transaction under the model type''s lock; only the artifact that a worker has checked may serve.';

create function private.rollback_model(
    p_model_type text, p_environment public.ml_environment, p_reason text, p_actor jsonb
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    v_actor constant jsonb := private.require_role('admin', p_actor);
    v_champion public.ml_model_deployments;
    v_earlier public.ml_model_deployments;
    v_deployment public.ml_model_deployments;
    v_now constant timestamptz := pg_catalog.clock_timestamp();
    v_from timestamptz;
begin
    if coalesce(pg_catalog.btrim(p_reason), '') = '' then
        perform private.raise_error(422, 'invalid_request', 'reason is needed: say why it is rolled back.');
    end if;
    perform private.check_text('reason', p_reason, 1000, true);
    perform private.get_model_type(p_model_type);
    perform from public.ml_model_types where name = p_model_type for no key update;
    select * into v_champion from public.ml_model_deployments
    where model_type = p_model_type and environment = p_environment and status = 'active'
    for update;
    if not found then
        perform private.raise_error(
            409, 'illegal_transition',
            pg_catalog.format('No model of %s serves %s.', p_model_type, p_environment)
        );
    end if;
    select d.* into v_earlier
    from public.ml_model_deployments as d
    inner join public.ml_models as m on d.model_id = m.id
    where d.model_type = p_model_type and d.environment = p_environment
        and d.status <> 'active' and d.model_id <> v_champion.model_id
        and m.quarantined_at is null
    order by d.created_at desc, d.id desc
    limit 1;
    if not found then
        perform private.raise_error(
            409, 'illegal_transition',
            pg_catalog.format('There is no earlier model of %s to go back to.', p_model_type),
            'Train a new one instead: refit retrain --force.'
        );
    end if;
    -- A replayed champion lives in another time than the clock's.
    v_from := case
        when v_champion.valid_from > v_now then v_champion.valid_from
        when (select t.replay from public.ml_model_types as t where t.name = p_model_type)
            then v_champion.valid_from
        else v_now
    end;
    update public.ml_model_deployments set
        status = 'rolled_back', ended_at = v_now, valid_until = v_from
    where id = v_champion.id;
    update public.ml_models set quarantined_at = v_now, quarantine_reason = p_reason
    where id = v_champion.model_id;
    insert into public.ml_model_deployments (
        model_id, model_type, environment, serves, artifact_hash, cutoff, reference,
        validation_id, rolled_back_from, reason, deployed_by, valid_from
    ) values (
        v_earlier.model_id, p_model_type, p_environment, v_earlier.serves,
        v_earlier.artifact_hash, v_earlier.cutoff, v_earlier.reference, v_earlier.validation_id,
        v_champion.id, p_reason, v_actor, v_from
    )
    returning * into v_deployment;
    perform private.resolve_alert(
        p_model_type, p_environment,
        array['performance_degradation', 'artifact_mismatch', 'deployment_issue']
    );
    return pg_catalog.jsonb_build_object('deployment', private.deployment_json(v_deployment));
end
$$;
comment on function private.rollback_model(text, public.ml_environment, text, jsonb) is
'See public.rollback_model.';

create function public.rollback_model(
    p_model_type text, p_reason text, p_environment public.ml_environment default 'production',
    p_actor jsonb default null
) returns jsonb
language sql
set search_path = ''
return private.rollback_model(p_model_type, p_environment, p_reason, p_actor);
comment on function public.rollback_model(text, text, public.ml_environment, jsonb) is
'request, admin: opens a new deployment of the model that served before, and quarantines the one that serves now.';

create function private.raise_alert(
    p_model_type text, p_environment public.ml_environment, p_kind text, p_severity text,
    p_message text, p_details jsonb
) returns void
language sql
set search_path = ''
as $$
    insert into public.ml_alerts (model_type, environment, kind, severity, message, details)
    values (p_model_type, p_environment, p_kind, p_severity, p_message, coalesce(p_details, '{}'))
    on conflict (model_type, environment, kind) where status <> 'resolved' do update set
        severity = excluded.severity,
        message = excluded.message,
        details = excluded.details,
        occurrences = ml_alerts.occurrences + 1,
        last_seen_at = pg_catalog.clock_timestamp()
$$;
comment on function private.raise_alert(
    text, public.ml_environment, text, text, text, jsonb
) is
'Opens an alert, or counts one more occurrence of the one that stands.';

create function private.resolve_alert(
    p_model_type text, p_environment public.ml_environment, p_kinds text[]
) returns void
language sql
set search_path = ''
as $$
    update public.ml_alerts set
        status = 'resolved', resolved_at = pg_catalog.clock_timestamp()
    where model_type = p_model_type and environment = p_environment
        and kind = any(p_kinds) and status <> 'resolved'
$$;
comment on function private.resolve_alert(text, public.ml_environment, text[]) is
'Closes the standing alerts of these kinds.';

select private.set_function_class(f, 'internal')
from unnest(array[
    'private.check_deployable(uuid, public.ml_environment, boolean)',
    'private.deploy_model(uuid, public.ml_environment, text, boolean, text, timestamptz, jsonb)',
    'private.raise_alert(text, public.ml_environment, text, text, text, jsonb)',
    'private.resolve_alert(text, public.ml_environment, text[])'
]::regprocedure[]) as f;

select private.set_function_class(f, 'request')
from unnest(array[
    'private.rollback_model(text, public.ml_environment, text, jsonb)',
    'public.rollback_model(text, text, public.ml_environment, jsonb)'
]::regprocedure[]) as f;

select private.record_migration('20261124001700');
