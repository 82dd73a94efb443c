-- Drift windows go with the metrics of their time.
create or replace function private.delete_expired_batch(p_table text, p_before timestamptz) returns integer
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
        when 'ml_notifications' then
            -- With what was sent of each; what still stands stays.
            delete from public.ml_notifications
            where id in (
                select id from public.ml_notifications
                where first_at < p_before and last_at < p_before
                    and (subject is null or resolved_at < p_before)
                order by first_at limit v_most
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
        when 'drift_windows' then
            delete from private.drift_windows as w
            using (
                select deployment_id, window_end from private.drift_windows
                where recorded_at < p_before
                order by recorded_at limit v_most
            ) as old
            where w.deployment_id = old.deployment_id and w.window_end = old.window_end;
    end case;
    get diagnostics v_rows = row_count;
    return v_rows;
end
$$;

create or replace function private.delete_expired_rows(p_retention jsonb) returns jsonb
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
            'job_log_lines', 'ml_webhook_deliveries', 'ml_notifications', 'ml_alerts',
            'ml_operations', 'ml_training_data_quality'
        ]) as t (name)
        union all
        -- Their addresses are secrets, and are kept no longer than those of what was sent.
        select 'training_job_callbacks', private.kept_since(p_retention, 'ml_webhook_deliveries')
        union all
        select 'drift_windows', private.kept_since(p_retention, 'ml_performance_metrics')
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

select private.record_migration('20261124160130');
