-- What must not grow for ever, and what must be there before it is needed. Each of these is a
-- transaction of its own, so that one that fails stops none of the others.
create index ml_training_data_quality_by_recording
on public.ml_training_data_quality (recorded_at);
create index ml_operations_expiring on public.ml_operations (created_at)
where kind <> 'validation';
create index training_job_callbacks_by_age on private.training_job_callbacks (created_at);

drop function public.run_housekeeping();
drop function private.run_housekeeping();

create function private.check_retention(p_retention jsonb) returns void
language plpgsql immutable
set search_path = ''
as $$
declare
    v_table text;
    v_days jsonb;
begin
    if pg_catalog.jsonb_typeof(p_retention) is distinct from 'object' then
        perform private.raise_error(
            422, 'invalid_request', 'retention must be an object of days by table.'
        );
    end if;
    for v_table, v_days in select r.key, r.value from pg_catalog.jsonb_each(p_retention) as r loop
        if v_table not in (
            'workflow_audit_logs', 'ml_performance_metrics', 'ml_training_data_quality',
            'ml_operations', 'ml_alerts', 'ml_webhook_deliveries', 'job_log_lines'
        ) then
            perform private.raise_error(
                422, 'invalid_request', pg_catalog.format('%s has no retention.', v_table)
            );
        end if;
        if v_days::text !~ '^[1-9]\d{0,4}$' then
            perform private.raise_error(
                422, 'invalid_request',
                pg_catalog.format('%s must be kept for 1 to 99999 days, not %s.', v_table, v_days),
                'Leave it out to keep its rows for ever.'
            );
        end if;
    end loop;
end
$$;
comment on function private.check_retention(jsonb) is
'A 422 when this is not days by table; a table that is not named keeps its rows for ever.';

create function private.kept_since(p_retention jsonb, p_table text) returns timestamptz
language sql stable
set search_path = ''
return pg_catalog.clock_timestamp()
- pg_catalog.make_interval(hours => (p_retention ->> p_table)::integer * 24);
comment on function private.kept_since(jsonb, text) is
'Rows before this time may go; null where they are kept for ever.';

-- Partitions ---------------------------------------------------------------------------------

create function private.create_partitions_ahead() returns integer
language plpgsql security definer
set search_path = ''
as $$
begin
    -- A new partition waits for everybody who uses the table, and everybody then waits for it.
    perform pg_catalog.set_config('lock_timeout', '1s', true);
    return private.create_partitions();
end
$$;
comment on function private.create_partitions_ahead() is 'See public.create_partitions_ahead.';

create function public.create_partitions_ahead() returns integer
language sql
set search_path = ''
return private.create_partitions_ahead();
comment on function public.create_partitions_ahead() is
'machinery: makes the partitions of this month and the next six where they are missing; returns how many.';

create function private.prune_partition(p_parent text, p_month text) returns bigint
language plpgsql
set search_path = ''
as $$
declare
    v_name constant text := p_parent || '_' || pg_catalog.replace(p_month, '-', '_');
    v_seal private.audit_seals;
    v_rows bigint;
    v_sealed bigint;
begin
    -- Nobody adds a row while they are counted; readers go on.
    execute pg_catalog.format('lock table private.%I in share mode', v_name);
    execute pg_catalog.format('select pg_catalog.count(*) from private.%I', v_name) into v_rows;
    if p_parent = 'workflow_audit_logs' then
        select coalesce(pg_catalog.sum((s.months -> p_month ->> 'rows')::bigint), 0) into v_sealed
        from private.audit_seals as s
        where s.kind = 'rows' and s.months ? p_month;
        if v_rows <> v_sealed then
            perform private.raise_error(
                409, 'conflict',
                pg_catalog.format('It holds %s rows, and %s were sealed.', v_rows, v_sealed)
            );
        end if;
        v_seal.kind := 'pruned';
        v_seal.row_count := v_rows;
        v_seal.months := pg_catalog.jsonb_build_object(
            p_month, pg_catalog.jsonb_build_object('rows', v_rows)
        );
        perform private.add_audit_seal(v_seal);
    end if;
    execute pg_catalog.format('drop table private.%I', v_name);
    perform private.write_audit(
        'partition.pruned', p_parent, p_month, null, null, null, null,
        pg_catalog.jsonb_build_object('rows', v_rows), null
    );
    return v_rows;
end
$$;
comment on function private.prune_partition(text, text) is
'Drops a month of a parent, and says so in the audit log and in the chain of seals; refused where not every row is sealed.';

create function private.prune_partitions(p_retention jsonb) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    v_stop_at constant timestamptz := pg_catalog.clock_timestamp() + interval '3 seconds';
    v_old record;
    v_done text[] := '{}';
    v_rows bigint;
    v_pruned jsonb := '[]';
    v_kept jsonb := '[]';
begin
    perform private.check_retention(p_retention);
    if not private.lock_audit_chain() then
        return '{"pruned": [], "kept": []}';
    end if;
    perform private.act_as_worker('housekeeping');
    perform pg_catalog.set_config('lock_timeout', '500ms', true);
    for v_old in
        select m.parent, m.month
        from (
            select
                p.relname::text as parent,
                pg_catalog.replace(pg_catalog.right(c.relname, 7), '_', '-') as month
            from pg_catalog.pg_inherits as i
            inner join pg_catalog.pg_class as p on i.inhparent = p.oid
            inner join pg_catalog.pg_class as c on i.inhrelid = c.oid
            where p.oid in (
                'public.ml_performance_metrics'::regclass, 'public.workflow_audit_logs'::regclass
            )
            and c.relnamespace = 'private'::regnamespace
            and c.relname ~ ('^' || p.relname || '_\d{4}_\d{2}$')
        ) as m
        where pg_catalog.timezone('UTC', (m.month || '-01')::date + interval '1 month')
            <= private.kept_since(p_retention, m.parent)
        order by m.month
    loop
        exit when pg_catalog.clock_timestamp() > v_stop_at;
        -- One of each parent at a time: nobody can use the parent from the drop to the commit.
        continue when v_old.parent = any(v_done);
        begin
            v_rows := private.prune_partition(v_old.parent, v_old.month);
            v_done := v_done || v_old.parent;
            v_pruned := v_pruned || pg_catalog.jsonb_build_object(
                'table', v_old.parent, 'month', v_old.month, 'rows', v_rows
            );
        exception
            -- The next tick tries again.
            when others then
                v_kept := v_kept || pg_catalog.jsonb_build_object(
                    'table', v_old.parent, 'month', v_old.month, 'reason', sqlerrm
                );
        end;
    end loop;
    return pg_catalog.jsonb_build_object('pruned', v_pruned, 'kept', v_kept);
end
$$;
comment on function private.prune_partitions(jsonb) is 'See public.prune_partitions.';

create function public.prune_partitions(p_retention jsonb) returns jsonb
language sql
set search_path = ''
return private.prune_partitions(p_retention);
comment on function public.prune_partitions(jsonb) is
'machinery: drops months that are wholly older than their table''s days, one of each table at a time; of the audit log only those that are wholly sealed.';

-- Rows ---------------------------------------------------------------------------------------

create function private.delete_expired_batch(p_table text, p_before timestamptz) returns integer
language plpgsql
set search_path = ''
as $$
declare
    v_most constant integer := 10000;
    v_rows integer;
begin
    case p_table
        when 'idempotency_keys' then
            delete from private.idempotency_keys as k
            using (
                select credential, action, idempotency_key from private.idempotency_keys
                where created_at < p_before
                order by created_at limit v_most
                for update skip locked
            ) as old
            where k.credential = old.credential and k.action = old.action
                and k.idempotency_key = old.idempotency_key;
        when 'training_job_callbacks' then
            delete from private.training_job_callbacks as c
            using (
                select b.job_id, b.url, b.for_follow_up
                from private.training_job_callbacks as b
                inner join public.ml_training_jobs as j on b.job_id = j.id
                where b.created_at < p_before and j.finished_at is not null
                order by b.created_at limit v_most
            ) as old
            where c.job_id = old.job_id and c.url = old.url
                and c.for_follow_up = old.for_follow_up;
        when 'job_log_lines' then
            -- Numbered as they come: the oldest are found by their number.
            delete from private.job_log_lines
            where logged_at < p_before and id in (
                select id from private.job_log_lines order by id limit v_most
            );
        when 'ml_webhook_deliveries' then
            delete from public.ml_webhook_deliveries
            where id in (
                select id from public.ml_webhook_deliveries
                where created_at < p_before and status <> 'pending'
                order by created_at limit v_most
            );
        when 'ml_alerts' then
            delete from public.ml_alerts
            where id in (
                select id from public.ml_alerts
                where created_at < p_before and resolved_at < p_before
                order by created_at limit v_most
            );
        when 'ml_operations' then
            delete from public.ml_operations
            where id in (
                select id from public.ml_operations
                where kind <> 'validation' and created_at < p_before
                    and finished_at < p_before
                order by created_at limit v_most
            );
        when 'ml_training_data_quality' then
            delete from public.ml_training_data_quality
            where id in (
                select id from public.ml_training_data_quality
                where recorded_at < p_before
                order by recorded_at limit v_most
            );
    end case;
    get diagnostics v_rows = row_count;
    return v_rows;
end
$$;
comment on function private.delete_expired_batch(text, timestamptz) is
'Deletes the oldest rows of a table that are from before a time and have ended, 10,000 at most.';

create function private.delete_expired_rows(p_retention jsonb) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    v_expiring record;
    v_rows integer;
    v_deleted jsonb := '{}';
    v_failed jsonb := '{}';
begin
    perform private.check_retention(p_retention);
    if not pg_catalog.pg_try_advisory_xact_lock(pg_catalog.hashtextextended('refit.expiry', 0)) then
        return '{"deleted": {}, "failed": {}}';
    end if;
    perform pg_catalog.set_config('lock_timeout', '500ms', true);
    for v_expiring in
        select t.name, private.kept_since(p_retention, t.name) as kept_since
        from pg_catalog.unnest(array[
            'job_log_lines', 'ml_webhook_deliveries', 'ml_alerts', 'ml_operations',
            'ml_training_data_quality'
        ]) as t (name)
        union all
        -- Their addresses are secrets, and are kept no longer than those of what was sent.
        select 'training_job_callbacks', private.kept_since(p_retention, 'ml_webhook_deliveries')
        union all
        select 'idempotency_keys', pg_catalog.clock_timestamp() - interval '24 hours'
    loop
        continue when v_expiring.kept_since is null;
        begin
            v_rows := private.delete_expired_batch(v_expiring.name, v_expiring.kept_since);
            if v_rows > 0 then
                v_deleted := v_deleted || pg_catalog.jsonb_build_object(v_expiring.name, v_rows);
            end if;
        exception
            when others then
                v_failed := v_failed || pg_catalog.jsonb_build_object(v_expiring.name, sqlerrm);
        end;
    end loop;
    return pg_catalog.jsonb_build_object('deleted', v_deleted, 'failed', v_failed);
end
$$;
comment on function private.delete_expired_rows(jsonb) is 'See public.delete_expired_rows.';

create function public.delete_expired_rows(p_retention jsonb) returns jsonb
language sql
set search_path = ''
return private.delete_expired_rows(p_retention);
comment on function public.delete_expired_rows(jsonb) is
'machinery: deletes what has ended and is older than its table''s days, and remembered answers after a day; 10,000 rows of each at a time.';

select private.set_function_class(f, 'internal')
from unnest(array[
    'private.check_retention(jsonb)', 'private.kept_since(jsonb, text)',
    'private.prune_partition(text, text)', 'private.delete_expired_batch(text, timestamptz)'
]::regprocedure[]) as f;

select private.set_function_class(f, 'machinery')
from unnest(array[
    'private.create_partitions_ahead()', 'public.create_partitions_ahead()',
    'private.prune_partitions(jsonb)', 'public.prune_partitions(jsonb)',
    'private.delete_expired_rows(jsonb)', 'public.delete_expired_rows(jsonb)'
]::regprocedure[]) as f;

select private.record_migration('20261124010220');
