-- What started a job decides what follows it: people start jobs by hand, through the Data API too.
create function private.trigger_of_caller(p_trigger text) returns text
language plpgsql stable
set search_path = ''
as $$
begin
    if p_trigger is distinct from 'manual' and private.caller_role() = 'authenticated' then
        perform private.raise_error(
            403, 'forbidden', 'trigger is taken from the service role alone.',
            'Leave it out: a user starts jobs by hand.'
        );
    end if;
    return p_trigger;
end
$$;
comment on function private.trigger_of_caller(text) is
'What started a job, as the service role says it; a 403 for a user who says anything but manual.';

create or replace function public.trigger_retraining(
    p_model_types text[] default null, p_force boolean default false,
    p_override_limits boolean default false,
    p_environment public.ml_environment default 'production',
    p_auto_validate boolean default true, p_auto_deploy boolean default true,
    p_reason text default null, p_webhook_url text default null,
    p_as_of timestamptz default null, p_trigger text default 'manual',
    p_request_id text default null, p_actor jsonb default null
) returns jsonb
language sql
set search_path = ''
return private.trigger_retraining(
    p_model_types, p_force, p_override_limits, p_environment, p_auto_validate, p_auto_deploy,
    p_reason, p_webhook_url, p_as_of, private.trigger_of_caller(p_trigger), p_request_id, p_actor
);

select private.set_function_class('private.trigger_of_caller(text)', 'request');

select private.record_migration('20261124011010');
