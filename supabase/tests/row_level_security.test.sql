-- Who sees what, on this very project: `supabase test db`, or pg_prove -d "$DATABASE_URL" FILE.
-- Everything is rolled back.
begin;
create extension if not exists pgtap;
select plan(13);

insert into public.ml_model_types (
    name, task, source_relation, key_columns, time_column, target_column, feature_columns, metric
) values (
    'refit_probe', 'classification', 'public.probe', '{id}', 'at', 'label', '{x}', 'accuracy'
);

set local role anon;
select throws_ok(
    'select from public.ml_model_types', '42501', null, 'anon cannot read model types'
);
select throws_ok('select public.list_model_types()', '42501', null, 'anon cannot call reads');
select throws_ok(
    'select public.trigger_retraining()', '42501', null, 'anon cannot call requests'
);
reset role;

set local role authenticated;
set local request.jwt.claims = '{"sub": "5f0c3a52-1f36-4f1c-a2cf-9a5b1f3c7a11", "role": "authenticated"}';
select is(
    (select count(*) from public.ml_model_types), 0::bigint,
    'a user without an ML role sees no model type'
);
select throws_ok(
    'select public.list_model_types()', 'PT403', null, 'a user without an ML role is refused'
);

set local request.jwt.claims = '{"sub": "5f0c3a52-1f36-4f1c-a2cf-9a5b1f3c7a11", "role": "authenticated", "user_metadata": {"ml_role": "admin"}}';
select is(
    (select count(*) from public.ml_model_types), 0::bigint,
    'user_metadata, which users write themselves, gives no role'
);

set local request.jwt.claims = '{"sub": "5f0c3a52-1f36-4f1c-a2cf-9a5b1f3c7a11", "role": "authenticated", "app_metadata": {"ml_role": "viewer"}}';
select is(
    (select count(*) from public.ml_model_types where name = 'refit_probe'), 1::bigint,
    'a viewer sees model types'
);
select throws_ok(
    $$update public.ml_model_types set title = '' where name = 'refit_probe'$$, '42501', null,
    'a viewer cannot write the table'
);
select throws_ok(
    $$select public.update_model_type('refit_probe', '{"title": "x"}')$$, 'PT403', null,
    'a viewer cannot change a model type'
);
select throws_ok(
    'select url from public.ml_webhook_deliveries', '42501', null,
    'the address of a callback is shown to nobody'
);
select throws_ok(
    'select public.list_due_schedules()', '42501', null, 'users cannot call the machinery'
);
reset role;

set local role service_role;
select throws_ok(
    'delete from public.workflow_audit_logs', '42501', null,
    'the service role cannot remove audit rows'
);
reset role;
select throws_ok(
    'truncate public.workflow_audit_logs', 'PT403', null, 'not even the owner empties the audit log'
);

select * from finish();
rollback;
