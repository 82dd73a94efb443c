-- A user sees ML data only with an ML role; nobody writes a table: functions do.
do $$
declare
    v_table text;
begin
    foreach v_table in array array[
        'ml_model_types', 'ml_training_jobs', 'ml_models', 'ml_operations',
        'ml_model_validations', 'ml_model_deployments', 'ml_alerts', 'ml_webhook_deliveries',
        'ml_retraining_schedules', 'ml_performance_metrics', 'ml_training_data_quality',
        'workflow_audit_logs'
    ] loop
        execute pg_catalog.format('alter table public.%I enable row level security', v_table);
        execute pg_catalog.format(
            'revoke all on public.%I from public, anon, authenticated, service_role', v_table
        );
    end loop;
    foreach v_table in array array[
        'training_job_callbacks', 'job_log_lines', 'api_keys', 'idempotency_keys',
        'detector_state', 'reference_profiles', 'holdout_ledger', 'counted_labels', 'audit_seals',
        'workers'
    ] loop
        execute pg_catalog.format('alter table private.%I enable row level security', v_table);
        execute pg_catalog.format(
            'revoke all on private.%I from public, anon, authenticated, service_role', v_table
        );
    end loop;
end
$$;

create policy "ML viewers can read model types" on public.ml_model_types
for select to authenticated using ((select private.has_ml_role('viewer')));
create policy "ML viewers can read training jobs" on public.ml_training_jobs
for select to authenticated using ((select private.has_ml_role('viewer')));
create policy "ML viewers can read models" on public.ml_models
for select to authenticated using ((select private.has_ml_role('viewer')));
create policy "ML viewers can read operations" on public.ml_operations
for select to authenticated using ((select private.has_ml_role('viewer')));
create policy "ML viewers can read validations" on public.ml_model_validations
for select to authenticated using ((select private.has_ml_role('viewer')));
create policy "ML viewers can read deployments" on public.ml_model_deployments
for select to authenticated using ((select private.has_ml_role('viewer')));
create policy "ML viewers can read alerts" on public.ml_alerts
for select to authenticated using ((select private.has_ml_role('viewer')));
create policy "ML viewers can read webhook deliveries" on public.ml_webhook_deliveries
for select to authenticated using ((select private.has_ml_role('viewer')));
create policy "ML viewers can read schedules" on public.ml_retraining_schedules
for select to authenticated using ((select private.has_ml_role('viewer')));
create policy "ML viewers can read performance metrics" on public.ml_performance_metrics
for select to authenticated using ((select private.has_ml_role('viewer')));
create policy "ML viewers can read data quality" on public.ml_training_data_quality
for select to authenticated using ((select private.has_ml_role('viewer')));
create policy "ML viewers can read the audit log" on public.workflow_audit_logs
for select to authenticated using ((select private.has_ml_role('viewer')));
create policy "ML viewers can read job log lines" on private.job_log_lines
for select to authenticated using ((select private.has_ml_role('viewer')));
create policy "ML viewers can read workers" on private.workers
for select to authenticated using ((select private.has_ml_role('viewer')));

create policy "callbacks are for the machinery alone" on private.training_job_callbacks
for select to authenticated using (false);
create policy "keys are for the machinery alone" on private.api_keys
for select to authenticated using (false);
create policy "remembered answers are for the machinery alone" on private.idempotency_keys
for select to authenticated using (false);
create policy "detector state is for the machinery alone" on private.detector_state
for select to authenticated using (false);
create policy "profiles are for the machinery alone" on private.reference_profiles
for select to authenticated using (false);
create policy "the holdout ledger is for the machinery alone" on private.holdout_ledger
for select to authenticated using (false);
create policy "counted labels are for the machinery alone" on private.counted_labels
for select to authenticated using (false);
create policy "seals are for the machinery alone" on private.audit_seals
for select to authenticated using (false);

grant select on
public.ml_model_types, public.ml_training_jobs, public.ml_models, public.ml_operations,
public.ml_model_validations, public.ml_model_deployments, public.ml_alerts,
public.ml_retraining_schedules, public.ml_performance_metrics, public.ml_training_data_quality,
public.workflow_audit_logs, private.job_log_lines, private.workers
to authenticated, service_role;

-- All of a delivery but its address, which is a secret.
grant select (
    id, training_job_id, event, payload, status, attempts, next_attempt_at, last_error,
    delivered_at, created_at
) on public.ml_webhook_deliveries to authenticated, service_role;

select private.record_migration('20261124001300');
