-- Monthly partitions live in private: RLS on a parent does not cover a partition that is queried
-- by its own name, so a partition must not be where the Data API looks.
create function private.create_partition(p_parent text, p_month date) returns boolean
language plpgsql security definer
set search_path = ''
as $$
declare
    v_start constant date := pg_catalog.date_trunc('month', p_month)::date;
    v_end constant date := (v_start + interval '1 month')::date;
    v_name constant text := p_parent || '_' || pg_catalog.to_char(v_start, 'YYYY_MM');
begin
    if pg_catalog.to_regclass(pg_catalog.format('private.%I', v_name)) is not null then
        return false;
    end if;
    execute pg_catalog.format(
        'create table private.%I partition of public.%I for values from (%L) to (%L)',
        v_name, p_parent, v_start::text || ' 00:00:00+00', v_end::text || ' 00:00:00+00'
    );
    execute pg_catalog.format('alter table private.%I enable row level security', v_name);
    execute pg_catalog.format(
        'create policy "nobody reads a partition by its own name" on private.%I for select to authenticated using (false)',
        v_name
    );
    execute pg_catalog.format(
        'revoke all on private.%I from public, anon, authenticated, service_role', v_name
    );
    execute pg_catalog.format(
        'comment on table private.%I is %L', v_name,
        'Rows of public.' || p_parent || ' of ' || pg_catalog.to_char(v_start, 'YYYY-MM') || ' (UTC).'
    );
    if p_parent = 'workflow_audit_logs' then
        execute pg_catalog.format(
            'create trigger refuse_truncate before truncate on private.%I for each statement execute function private.refuse_change()',
            v_name
        );
    end if;
    return true;
exception
    when duplicate_table then
        return false;
end
$$;
comment on function private.create_partition(text, date) is
'Makes one month''s partition of a parent, closed to every API role; false when it is there already.';

create function private.create_partitions(p_months_ahead integer default 6) returns integer
language sql
set search_path = ''
as $$
    select pg_catalog.count(*) filter (where made)::integer
    from (
        select private.create_partition(p.parent, m.month::date) as made
        from pg_catalog.unnest(array['ml_performance_metrics', 'workflow_audit_logs']) as p (parent)
        cross join pg_catalog.generate_series(
            pg_catalog.date_trunc('month', pg_catalog.timezone('UTC', pg_catalog.clock_timestamp())),
            pg_catalog.date_trunc('month', pg_catalog.timezone('UTC', pg_catalog.clock_timestamp()))
            + p_months_ahead * interval '1 month',
            interval '1 month'
        ) as m (month)
    ) as made_partitions
$$;
comment on function private.create_partitions(integer) is
'Keeps the partitions of this month and the months ahead; returns how many it made.';

select private.create_partitions();

select private.set_function_class(f, 'internal')
from unnest(array[
    'private.create_partition(text, date)', 'private.create_partitions(integer)',
    'private.refuse_change()', 'private.audit_change()',
    'private.write_audit(text, text, text, text, public.ml_environment, jsonb, jsonb, jsonb, text)'
]::regprocedure[]) as f;

select private.record_migration('20261124001200');
