-- What a replay of history found, for everybody to see: the newest few of each model type.
create table private.backtest_reports (
    id uuid primary key default pg_catalog.gen_random_uuid(),
    model_type text not null references public.ml_model_types (name),
    created_at timestamptz not null default pg_catalog.clock_timestamp(),
    created_by jsonb not null,
    report jsonb not null,
    constraint backtest_reports_report_is_an_object check (
        pg_catalog.jsonb_typeof(report) = 'object'
    ),
    constraint backtest_reports_report_is_small check (
        pg_catalog.octet_length(report::text) <= 1048576
    )
);
comment on table private.backtest_reports is
'What backtests found, as refit backtest --json writes it; the newest five of each model type.';
create index backtest_reports_by_model_type on private.backtest_reports (
    model_type, created_at desc, id desc
);
alter table private.backtest_reports enable row level security;
revoke all on private.backtest_reports from public, anon, authenticated, service_role;
create policy "ML viewers can read backtest reports" on private.backtest_reports
for select to authenticated using ((select private.has_ml_role('viewer')));
grant select on private.backtest_reports to authenticated, service_role;

create function private.record_backtest(p_model_type text, p_report jsonb, p_actor jsonb) returns uuid
language plpgsql security definer
set search_path = ''
as $$
declare
    v_actor constant jsonb := private.require_role('operator', p_actor);
    v_kept constant integer := 5;
    v_id uuid;
begin
    perform private.get_model_type(p_model_type);
    if p_report is null or pg_catalog.jsonb_typeof(p_report) <> 'object'
        or p_report ->> 'model_type' is distinct from p_model_type then
        perform private.raise_error(
            422, 'invalid_request',
            pg_catalog.format('This is no report of a backtest of %s.', p_model_type),
            'refit backtest MODEL_TYPE --store makes one and stores it.'
        );
    end if;
    if pg_catalog.octet_length(p_report::text) > 1048576 then
        perform private.raise_error(
            422, 'invalid_request', 'The report is larger than 1 MB.',
            'Take longer steps: refit backtest MODEL_TYPE --step 14d --store.'
        );
    end if;
    insert into private.backtest_reports (model_type, created_by, report)
    values (p_model_type, v_actor, p_report)
    returning id into v_id;
    delete from private.backtest_reports
    where id in (
        select b.id from private.backtest_reports as b
        where b.model_type = p_model_type
        order by b.created_at desc, b.id desc
        offset v_kept
    );
    return v_id;
end
$$;
comment on function private.record_backtest(text, jsonb, jsonb) is 'See public.record_backtest.';

create function public.record_backtest(
    p_model_type text, p_report jsonb, p_actor jsonb default null
) returns uuid
language sql
set search_path = ''
return private.record_backtest(p_model_type, p_report, p_actor);
comment on function public.record_backtest(text, jsonb, jsonb) is
'request, operator: keeps what a backtest of a model type found, at most 1 MB; the newest five stay. Returns its id.';

create function public.get_backtest(p_model_type text, p_actor jsonb default null) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
    v_type public.ml_model_types;
begin
    perform private.require_role('viewer', p_actor);
    v_type := private.get_model_type(p_model_type);
    return pg_catalog.jsonb_build_object(
        'model_type', v_type.name, 'title', v_type.title,
        'backtest', (
            select pg_catalog.to_jsonb(b) - 'model_type'
            from private.backtest_reports as b
            where b.model_type = v_type.name
            order by b.created_at desc, b.id desc
            limit 1
        )
    );
end
$$;
comment on function public.get_backtest(text, jsonb) is
'read, viewer: the newest stored backtest of a model type: when, by whom, and its report; null where there is none.';

select private.set_function_class(f, 'request')
from unnest(array[
    'private.record_backtest(text, jsonb, jsonb)', 'public.record_backtest(text, jsonb, jsonb)'
]::regprocedure[]) as f;
select private.set_function_class('public.get_backtest(text, jsonb)'::regprocedure, 'read');

select private.record_migration('20261124160400');
