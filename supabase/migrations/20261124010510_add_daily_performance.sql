-- Checks by model type, environment and day: a summary of a month reads a row a day, not every
-- check. Written in the transaction of the checks themselves, so that both say the same.
create table private.daily_performance (
    environment public.ml_environment not null,
    day date not null,
    model_type text not null,
    checks bigint not null,
    degraded_checks bigint not null,
    measured_checks bigint not null,
    value_sum double precision not null,
    lowest_value double precision,
    highest_value double precision,
    samples bigint not null,
    last_checked_at timestamptz not null,
    primary key (environment, day, model_type),
    constraint daily_performance_counts_are_ordered check (
        checks > 0 and degraded_checks between 0 and checks
        and measured_checks between 0 and checks
    )
);
comment on table private.daily_performance is
'What public.ml_performance_metrics holds of each day (UTC), counted as the rows come. It stays when old rows go.';
comment on column private.daily_performance.measured_checks is
'Checks that found rows to measure: those that have a value.';
alter table private.daily_performance enable row level security;
revoke all on private.daily_performance from public, anon, authenticated, service_role;
create policy "ML viewers can read daily performance" on private.daily_performance
for select to authenticated using ((select private.has_ml_role('viewer')));
grant select on private.daily_performance to authenticated, service_role;

create function private.count_daily_performance() returns trigger
language plpgsql
set search_path = ''
as $$
begin
    -- Sorted, so that two transactions cannot lock each other out.
    insert into private.daily_performance as d (
        environment, day, model_type, checks, degraded_checks, measured_checks, value_sum,
        lowest_value, highest_value, samples, last_checked_at
    )
    select
        m.environment, (m.recorded_at at time zone 'UTC')::date as day, m.model_type,
        pg_catalog.count(*), pg_catalog.count(*) filter (where m.verdict = 'degraded'),
        pg_catalog.count(m.value), coalesce(pg_catalog.sum(m.value), 0),
        pg_catalog.min(m.value), pg_catalog.max(m.value), pg_catalog.sum(m.samples),
        pg_catalog.max(m.recorded_at)
    from added as m
    group by m.environment, day, m.model_type
    order by m.environment, day, m.model_type
    on conflict (environment, day, model_type) do update set
        checks = d.checks + excluded.checks,
        degraded_checks = d.degraded_checks + excluded.degraded_checks,
        measured_checks = d.measured_checks + excluded.measured_checks,
        value_sum = d.value_sum + excluded.value_sum,
        lowest_value = least(d.lowest_value, excluded.lowest_value),
        highest_value = greatest(d.highest_value, excluded.highest_value),
        samples = d.samples + excluded.samples,
        last_checked_at = greatest(d.last_checked_at, excluded.last_checked_at);
    return null;
end
$$;
comment on function private.count_daily_performance() is
'Trigger: counts new checks into their day.';
select private.set_function_class('private.count_daily_performance()', 'internal');

-- In one statement: no check comes between the trigger and the count of those that were there.
do $$
begin
    create trigger count_daily_performance after insert on public.ml_performance_metrics
    referencing new table as added
    for each statement execute function private.count_daily_performance();

    insert into private.daily_performance (
        environment, day, model_type, checks, degraded_checks, measured_checks, value_sum,
        lowest_value, highest_value, samples, last_checked_at
    )
    select
        m.environment, (m.recorded_at at time zone 'UTC')::date as day, m.model_type,
        pg_catalog.count(*), pg_catalog.count(*) filter (where m.verdict = 'degraded'),
        pg_catalog.count(m.value), coalesce(pg_catalog.sum(m.value), 0),
        pg_catalog.min(m.value), pg_catalog.max(m.value), pg_catalog.sum(m.samples),
        pg_catalog.max(m.recorded_at)
    from public.ml_performance_metrics as m
    group by m.environment, day, m.model_type;
end
$$;

create or replace function public.get_model_performance_summary(
    p_days integer default 30, p_model_type text default null,
    p_environment public.ml_environment default 'production', p_actor jsonb default null
) returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
    v_since constant timestamptz := pg_catalog.now() - p_days * interval '1 day';
    v_first_whole_day constant date := (v_since at time zone 'UTC')::date + 1;
begin
    perform private.require_role('viewer', p_actor);
    return coalesce(
        (
            with counted as (
                select
                    d.model_type, d.checks, d.degraded_checks, d.measured_checks, d.value_sum,
                    d.lowest_value, d.highest_value, d.samples, d.last_checked_at
                from private.daily_performance as d
                where d.environment = p_environment and d.day >= v_first_whole_day
                    and (p_model_type is null or d.model_type = p_model_type)
                union all
                -- The day that has begun already is counted from its middle on.
                select
                    m.model_type, 1, (m.verdict = 'degraded')::integer,
                    (m.value is not null)::integer, coalesce(m.value, 0), m.value, m.value,
                    m.samples, m.recorded_at
                from public.ml_performance_metrics as m
                where m.recorded_at > v_since
                    and m.recorded_at < v_first_whole_day::timestamp at time zone 'UTC'
                    and m.environment = p_environment
                    and (p_model_type is null or m.model_type = p_model_type)
            ),
            summed as (
                select
                    c.model_type,
                    pg_catalog.sum(c.checks) as checks,
                    pg_catalog.sum(c.degraded_checks) as degraded_checks,
                    pg_catalog.sum(c.value_sum)
                    / nullif(pg_catalog.sum(c.measured_checks), 0)::double precision
                        as average_value,
                    pg_catalog.min(c.lowest_value) as lowest_value,
                    pg_catalog.max(c.highest_value) as highest_value,
                    pg_catalog.sum(c.samples) as samples,
                    pg_catalog.max(c.last_checked_at) as last_checked_at
                from counted as c
                group by c.model_type
            )
            select pg_catalog.jsonb_agg(
                pg_catalog.to_jsonb(s) || pg_catalog.jsonb_build_object('latest', (
                    select pg_catalog.jsonb_build_object(
                        'metric', l.metric, 'value', l.value, 'baseline', l.baseline,
                        'degradation', l.degradation, 'verdict', l.verdict,
                        'recorded_at', l.recorded_at
                    )
                    from public.ml_performance_metrics as l
                    where l.model_type = s.model_type and l.environment = p_environment
                        and l.recorded_at = s.last_checked_at
                    order by l.id desc
                    limit 1
                )) order by s.model_type
            )
            from summed as s
        ), '[]'
    );
end
$$;
comment on function public.get_model_performance_summary(
    integer, text, public.ml_environment, jsonb
) is
'read, viewer: per model type the checks of the last days: how many, the metric''s spread, the newest (null when it is no longer kept).';

select private.record_migration('20261124010510');
