-- Who ticks where no scheduler process runs: pg_cron calls private.tick(), which asks pg_net to
-- post run_schedules to the functions. Both come with Supabase; elsewhere the functions below are
-- there and nothing calls them (what they name in cron, net and vault is looked up when they run).
create table private.tick_requests (
    idempotency_key uuid primary key default pg_catalog.gen_random_uuid(),
    request_id bigint not null,
    attempts integer not null default 1,
    sent_at timestamptz not null default pg_catalog.clock_timestamp(),
    answered_at timestamptz,
    status integer,
    error text,
    constraint tick_requests_attempts_in_range check (attempts between 1 and 3)
);
comment on table private.tick_requests is
'Posts of run_schedules: pg_net forgets what it sent when it crashes, so the next tick looks after them.';
comment on column private.tick_requests.request_id is
'pg_net''s number of the last attempt.';
comment on column private.tick_requests.status is
'The HTTP status of the answer; null: none came (yet), error says why.';
create index tick_requests_by_age on private.tick_requests (sent_at);
create index tick_requests_open on private.tick_requests (sent_at) where answered_at is null;
alter table private.tick_requests enable row level security;
revoke all on private.tick_requests from public, anon, authenticated, service_role;
create policy "ticks are for the machinery alone" on private.tick_requests
for select to authenticated using (false);

create function private.read_tick_secret(p_name text) returns text
language plpgsql stable
set search_path = ''
as $$
declare
    v_secret text;
begin
    select s.decrypted_secret into v_secret
    from vault.decrypted_secrets as s
    where s.name = p_name;
    if coalesce(v_secret, '') = '' then
        raise exception 'The secret % is missing in Vault; nothing was sent.', p_name
            using hint = pg_catalog.format('select vault.create_secret(''…'', %L);', p_name);
    end if;
    return v_secret;
end
$$;
comment on function private.read_tick_secret(text) is
'A secret of Vault; an error when there is none, so that nothing is ever sent without a key.';

create function private.send_tick(p_idempotency_key uuid) returns bigint
language plpgsql
set search_path = ''
as $$
begin
    return net.http_post(
        url := pg_catalog.rtrim(private.read_tick_secret('refit_api_url'), '/')
            || '/api/workflows/ml/auto-retraining?action=run_schedules',
        body := '{}'::jsonb,
        params := '{}'::jsonb,
        headers := pg_catalog.jsonb_build_object(
            'Content-Type', 'application/json',
            'X-API-Key', private.read_tick_secret('refit_scheduler_key'),
            'Idempotency-Key', p_idempotency_key::text
        ),
        timeout_milliseconds := 30000
    );
end
$$;
comment on function private.send_tick(uuid) is
'Gives pg_net one post of run_schedules; it is sent when the transaction commits.';

create function private.settle_ticks() returns void
language plpgsql
set search_path = ''
as $$
declare
    v_request private.tick_requests;
    v_response record;
begin
    for v_request in
        select * from private.tick_requests
        where answered_at is null
        order by sent_at
        for update skip locked
    loop
        -- pg_net may count from one again after a crash: an older answer is not to this post.
        select r.status_code, r.error_msg, r.timed_out into v_response
        from net._http_response as r
        where r.id = v_request.request_id
            and r.created > v_request.sent_at - interval '10 seconds';
        if found and (v_response.status_code < 500 and v_response.status_code not in (408, 429)) then
            update private.tick_requests set
                answered_at = pg_catalog.clock_timestamp(), status = v_response.status_code,
                error = null
            where idempotency_key = v_request.idempotency_key;
            if v_response.status_code >= 400 then
                raise warning 'run_schedules was refused with status %.', v_response.status_code
                    using hint = 'Look at the secrets refit_api_url and refit_scheduler_key.';
            end if;
        elsif found or v_request.sent_at < pg_catalog.clock_timestamp() - interval '45 seconds' then
            perform private.repeat_tick(
                v_request, v_response.status_code,
                case
                    when v_response.status_code is not null then null
                    when v_response.timed_out then 'It timed out.'
                    else coalesce(v_response.error_msg, 'No answer came.')
                end
            );
        end if;
    end loop;
end
$$;
comment on function private.settle_ticks() is
'Writes what became of earlier posts, and repeats those without an answer, or with one that may pass.';

create function private.repeat_tick(
    p_request private.tick_requests, p_status integer, p_error text
) returns void
language plpgsql
set search_path = ''
as $$
begin
    if p_request.attempts = 3 then
        update private.tick_requests set
            answered_at = pg_catalog.clock_timestamp(), status = p_status, error = p_error
        where idempotency_key = p_request.idempotency_key;
        raise warning 'run_schedules was posted three times without success: %',
            coalesce(p_error, 'status ' || p_status);
    else
        update private.tick_requests set
            request_id = private.send_tick(p_request.idempotency_key),
            attempts = p_request.attempts + 1, sent_at = pg_catalog.clock_timestamp(),
            status = p_status, error = p_error
        where idempotency_key = p_request.idempotency_key;
    end if;
end
$$;
comment on function private.repeat_tick(private.tick_requests, integer, text) is
'Sends a post again under its idempotency key, or gives it up after the third time.';

create function private.tick() returns void
language plpgsql
set search_path = ''
as $$
declare
    v_key constant uuid := pg_catalog.gen_random_uuid();
begin
    perform private.settle_ticks();
    insert into private.tick_requests (idempotency_key, request_id)
    values (v_key, private.send_tick(v_key));
    delete from private.tick_requests
    where answered_at < pg_catalog.clock_timestamp() - interval '7 days';
    -- pg_cron keeps a row of each run for ever. Where we may not delete them, somebody else does.
    if pg_catalog.has_table_privilege(
        pg_catalog.to_regclass('cron.job_run_details'), 'DELETE'
    ) then
        delete from cron.job_run_details as d
        using cron.job as j
        where d.jobid = j.jobid and j.jobname = 'refit-tick'
            and d.end_time < pg_catalog.clock_timestamp() - interval '7 days';
    end if;
end
$$;
comment on function private.tick() is
'What pg_cron calls: looks after earlier posts of run_schedules, and sends the next one.';

create function private.schedule_ticks(p_cron text default '* * * * *') returns bigint
language plpgsql
set search_path = ''
as $$
declare
    v_missing text;
begin
    select pg_catalog.string_agg(n.part, ', ') into v_missing
    from (
        values
        ('pg_cron', pg_catalog.to_regprocedure('cron.schedule(text, text, text)')::text),
        (
            'pg_net',
            pg_catalog.to_regprocedure('net.http_post(text, jsonb, jsonb, jsonb, integer)')::text
        ),
        ('supabase_vault', pg_catalog.to_regclass('vault.decrypted_secrets')::text)
    ) as n (part, found)
    where n.found is null;
    if v_missing is not null then
        raise exception 'This database lacks %.', v_missing
            using hint = 'Enable it under Database, Extensions; or run refit scheduler, or let n8n post run_schedules.';
    end if;
    return cron.schedule('refit-tick', p_cron, 'select private.tick()');
end
$$;
comment on function private.schedule_ticks(text) is
'Lets pg_cron tick, every minute unless told otherwise (UTC); again: changes how often. Stop it: select cron.unschedule(''refit-tick'').';

select private.set_function_class(f, 'internal')
from unnest(array[
    'private.read_tick_secret(text)', 'private.send_tick(uuid)', 'private.settle_ticks()',
    'private.repeat_tick(private.tick_requests, integer, text)', 'private.tick()',
    'private.schedule_ticks(text)'
]::regprocedure[]) as f;

do $$
declare
    v_extension text;
begin
    foreach v_extension in array array['pg_cron', 'pg_net'] loop
        if exists (
            select from pg_catalog.pg_available_extensions as e
            where e.name = v_extension and e.installed_version is null
        ) then
            begin
                execute pg_catalog.format(
                    'create extension %I %s', v_extension,
                    -- Where Supabase keeps extensions: not in public. pg_cron has its own place.
                    case
                        when v_extension = 'pg_net'
                            and pg_catalog.to_regnamespace('extensions') is not null
                            then 'with schema extensions'
                    end
                );
            exception
                -- There as files, but not loaded by this server, or not for this database or role.
                when others then
                    raise notice '% is not used here: %', v_extension, sqlerrm;
            end;
        end if;
    end loop;
    perform private.schedule_ticks();
exception
    when others then
        raise notice 'No ticks were scheduled. %', sqlerrm;
end
$$;

select private.record_migration('20261124010320');
