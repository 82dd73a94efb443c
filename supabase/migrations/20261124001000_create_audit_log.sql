-- Who did what, when: append-only, written by triggers and by record_event alone.
create table public.workflow_audit_logs (
    id uuid not null default pg_catalog.gen_random_uuid(),
    created_at timestamptz not null default pg_catalog.clock_timestamp(),
    actor jsonb not null,
    action text not null,
    entity text,
    entity_id text,
    model_type text,
    environment public.ml_environment,
    before jsonb,
    after jsonb,
    detail jsonb,
    request_id text,
    transaction_id xid8 not null default pg_catalog.pg_current_xact_id(),
    primary key (created_at, id)
) partition by range (created_at);
comment on table public.workflow_audit_logs is
'Append-only record of every change: chosen columns only, secrets never. No API role may change or remove a row.';
comment on column public.workflow_audit_logs.before is 'The chosen columns that changed, as they were.';
comment on column public.workflow_audit_logs.after is 'The chosen columns, as they became.';
create index workflow_audit_logs_by_type
on public.workflow_audit_logs (model_type, created_at desc, id desc);
create index workflow_audit_logs_by_entity
on public.workflow_audit_logs (entity, entity_id, created_at desc);

create function private.refuse_change() returns trigger
language plpgsql
set search_path = ''
as $$
begin
    perform private.raise_error(
        403, 'append_only',
        pg_catalog.format('%I.%I is append-only.', tg_table_schema, tg_table_name)
    );
    return null;
end
$$;
comment on function private.refuse_change() is
'Trigger of append-only tables: refuses update, delete and truncate.';

create trigger refuse_row_change before update or delete on public.workflow_audit_logs
for each row execute function private.refuse_change();
create trigger refuse_truncate before truncate on public.workflow_audit_logs
for each statement execute function private.refuse_change();

create function private.write_audit(
    p_action text, p_entity text, p_entity_id text, p_model_type text,
    p_environment public.ml_environment, p_before jsonb, p_after jsonb, p_detail jsonb,
    p_request_id text
) returns void
language sql security definer
set search_path = ''
as $$
    insert into public.workflow_audit_logs (
        actor, action, entity, entity_id, model_type, environment, before, after, detail, request_id
    ) values (
        coalesce(
            nullif(pg_catalog.current_setting('refit.actor', true), '')::jsonb,
            pg_catalog.jsonb_build_object(
                'kind', 'system', 'id', session_user, 'name', session_user, 'role', 'admin'
            )
        ),
        p_action, p_entity, p_entity_id, p_model_type, p_environment, p_before, p_after, p_detail,
        p_request_id
    )
$$;
comment on function private.write_audit(
    text, text, text, text, public.ml_environment, jsonb, jsonb, jsonb, text
) is
'Adds one audit row in the name of the transaction''s actor.';

create function private.audit_change() returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
    v_entity constant text := tg_argv[0];
    v_new constant jsonb := pg_catalog.to_jsonb(new);
    v_old constant jsonb := case when tg_op = 'UPDATE' then pg_catalog.to_jsonb(old) end;
    v_before jsonb;
    v_after jsonb;
begin
    -- Only the columns that the trigger names are copied: what it does not name stays secret.
    select pg_catalog.jsonb_object_agg(c.name, v_old -> c.name),
        pg_catalog.jsonb_object_agg(c.name, v_new -> c.name)
    into v_before, v_after
    from pg_catalog.unnest(tg_argv[1:]) as c (name)
    where v_old is null or v_old -> c.name is distinct from v_new -> c.name;
    if v_after is null then
        return null;
    end if;
    perform private.write_audit(
        v_entity || '.' || case
            when v_old is null then 'created'
            when v_after ? 'status' then v_new ->> 'status'
            else 'updated'
        end,
        v_entity,
        coalesce(v_new ->> 'id', v_new ->> 'name'),
        coalesce(v_new ->> 'model_type', case when v_entity = 'model_type' then v_new ->> 'name' end),
        (v_new ->> 'environment')::public.ml_environment,
        case when v_old is not null then v_before end,
        v_after,
        null,
        v_new ->> 'request_id'
    );
    return null;
end
$$;
comment on function private.audit_change() is
'Trigger: copies the named columns of a created or changed row into the audit log.';

create trigger audit after insert or update on public.ml_model_types
for each row execute function private.audit_change(
    'model_type', 'name', 'title', 'description', 'owner', 'enabled', 'task', 'source_relation',
    'key_columns', 'time_column', 'label_time_column', 'label_delay', 'target_column',
    'feature_columns', 'engine', 'engine_parameters', 'metric', 'training_window',
    'retraining_threshold', 'auto_deployment_threshold', 'min_training_samples',
    'update_frequency', 'final_fit', 'random_seed', 'replay'
);
create trigger audit after insert or update on public.ml_training_jobs
for each row execute function private.audit_change(
    'training_job', 'status', 'attempt', 'trigger', 'reason', 'force', 'override_limits',
    'auto_validate', 'auto_deploy', 'as_of', 'follow_up', 'cancel_requested_at', 'skip_reason',
    'result', 'error'
);
create trigger audit after insert or update on public.ml_operations
for each row execute function private.audit_change(
    'operation', 'kind', 'status', 'attempt', 'parameters', 'as_of', 'cancel_requested_at', 'error'
);
create trigger audit after insert or update on public.ml_models
for each row execute function private.audit_change(
    'model', 'version', 'status', 'training_job_id', 'artifact_hash', 'final_artifact_hash',
    'quarantined_at', 'quarantine_reason'
);
create trigger audit after insert on public.ml_model_validations
for each row execute function private.audit_change(
    'validation', 'model_id', 'champion_deployment_id', 'verdict', 'auto_deployable',
    'improvement', 'ci_low', 'ci_high', 'samples', 'reason'
);
create trigger audit after insert or update on public.ml_model_deployments
for each row execute function private.audit_change(
    'deployment', 'model_id', 'status', 'serves', 'artifact_hash', 'validation_id',
    'rolled_back_from', 'forced', 'reason', 'valid_from', 'valid_until'
);
create trigger audit after insert or update on public.ml_alerts
for each row execute function private.audit_change(
    'alert', 'kind', 'severity', 'status', 'message', 'acknowledged_by'
);
create trigger audit after insert or update on public.ml_retraining_schedules
for each row execute function private.audit_change(
    'schedule', 'kind', 'cron', 'time_zone', 'enabled'
);
create trigger audit after insert or update on public.ml_webhook_deliveries
for each row execute function private.audit_change('webhook_delivery', 'event', 'status');

select private.record_migration('20261124001000');
