-- The closed sets of words. Anything that a customer may extend is text with a check instead.
create type public.ml_environment as enum ('development', 'staging', 'production');
comment on type public.ml_environment is 'Where a model serves.';

create type public.ml_task as enum ('classification', 'regression');
comment on type public.ml_task is 'What a model type predicts.';

create type public.ml_job_status as enum (
    'queued', 'running', 'succeeded', 'failed', 'cancelled', 'skipped'
);
comment on type public.ml_job_status is
'queued → running → succeeded, failed, cancelled or skipped; running → queued when the worker is lost. Operations never skip.';

create type public.ml_operation_kind as enum ('check', 'validation', 'deployment');
comment on type public.ml_operation_kind is 'What an operation was asked for.';

create type public.ml_model_status as enum ('candidate', 'approved', 'rejected');
comment on type public.ml_model_status is
'candidate → approved or rejected; an inconclusive validation leaves a candidate.';

create type public.ml_validation_verdict as enum ('approved', 'rejected', 'inconclusive');
comment on type public.ml_validation_verdict is 'What a validation concluded.';

create type public.ml_check_verdict as enum (
    'healthy', 'degraded', 'inconclusive', 'insufficient_data'
);
comment on type public.ml_check_verdict is 'What a performance check concluded.';

create type public.ml_deployment_status as enum ('active', 'retired', 'rolled_back');
comment on type public.ml_deployment_status is
'active → retired (replaced by a better one) or rolled_back (replaced by an earlier one).';

create type public.ml_served_fit as enum ('approved_fit', 'final_fit');
comment on type public.ml_served_fit is
'Which of a model''s two fits serves: the one that was validated, or the same settings refitted on the whole window.';

create type public.ml_schedule_kind as enum ('performance_check', 'forced_retraining');
comment on type public.ml_schedule_kind is 'What a schedule starts.';

create type public.ml_alert_status as enum ('open', 'acknowledged', 'resolved');
comment on type public.ml_alert_status is 'open → acknowledged → resolved; open → resolved.';

create type public.ml_delivery_status as enum ('pending', 'delivered', 'failed');
comment on type public.ml_delivery_status is
'pending until the receiver took it, or until a day of attempts failed.';

select private.record_migration('20261124000300');
