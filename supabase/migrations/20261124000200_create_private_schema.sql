-- Schema private: what the Data API must not reach, and the words that every function shares:
-- who calls, what they may do, how an error is named.
create schema if not exists private;
comment on schema private is
'Refit''s inner workings; not exposed through the Data API.';
revoke all on schema private from public;
grant usage on schema private to authenticated, service_role;

create table private.migration_history (
    version text primary key,
    applied_at timestamptz not null default pg_catalog.clock_timestamp()
);
comment on table private.migration_history is
'Which migrations this database has, whoever applied them: every file records itself.';
alter table private.migration_history enable row level security;
revoke all on private.migration_history from public, anon, authenticated, service_role;
create policy "the history is for the machinery alone" on private.migration_history
for select to authenticated using (false);

create function private.record_migration(p_version text) returns void
language sql
set search_path = ''
as $$
    insert into private.migration_history (version) values (p_version)
$$;
comment on function private.record_migration(text) is
'The last statement of every migration.';

create function private.raise_error(
    p_status integer, p_name text, p_message text, p_hint text default null
) returns void
language plpgsql
set search_path = ''
as $$
begin
    raise exception using
        errcode = 'PT' || p_status,
        message = p_message,
        detail = p_name,
        hint = coalesce(p_hint, '');
end
$$;
comment on function private.raise_error(integer, text, text, text) is
'Raises a named error: SQLSTATE PTnnn makes PostgREST answer nnn; the detail is the name that Python maps to its class.';

create function private.caller_role() returns text
language sql stable
set search_path = ''
return coalesce(
    nullif(pg_catalog.current_setting('role', true), 'none'),
    session_user::text
);
comment on function private.caller_role() is
'The role that the caller has set; inside a definer function too, where current_user is the owner.';

create function private.ml_role() returns text
language sql stable
set search_path = ''
return case
    -- A role that inherits from authenticated writes its own claims: nobody has verified them.
    when
        private.caller_role() = 'authenticated'
        and auth.jwt() -> 'app_metadata' ->> 'ml_role' in ('viewer', 'operator', 'admin')
        then auth.jwt() -> 'app_metadata' ->> 'ml_role'
end;
comment on function private.ml_role() is
'The signed-in user''s ML role from app_metadata (which users cannot write themselves), or null.';

create function private.is_trusted_role(p_role text) returns boolean
language sql stable
set search_path = ''
return p_role = 'service_role' or exists (
    select from pg_catalog.pg_roles as r
    where r.rolname = p_role and (
        r.rolsuper or r.oid = (
            select n.nspowner from pg_catalog.pg_namespace as n
            where n.nspname = 'private'
        )
    )
);
comment on function private.is_trusted_role(text) is
'Whether this database role acts for the machinery: the service role, the owner of Refit, a superuser; no other.';

create function private.role_allows(p_role text, p_needed text) returns boolean
language sql immutable
set search_path = ''
return case
    when p_needed = 'scheduler' then coalesce(p_role in ('scheduler', 'admin'), false)
    else coalesce(
        pg_catalog.array_position(array['viewer', 'operator', 'admin'], p_role)
        >= pg_catalog.array_position(array['viewer', 'operator', 'admin'], p_needed),
        false
    )
end;
comment on function private.role_allows(text, text) is
'viewer < operator < admin; a scheduler may only tick, and so may an admin.';

create function private.has_ml_role(p_needed text) returns boolean
language sql stable
set search_path = ''
return private.role_allows(private.ml_role(), p_needed);
comment on function private.has_ml_role(text) is
'Whether the signed-in user may do what needs this role; row level security policies ask it.';

create function private.current_actor(p_actor jsonb) returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
    v_caller constant text := private.caller_role();
begin
    if v_caller = 'anon' then
        perform private.raise_error(401, 'unauthenticated', 'Sign in first.');
    end if;
    if v_caller = 'authenticated' then
        if p_actor is not null then
            perform private.raise_error(
                403, 'forbidden', 'p_actor is taken from the service role alone.'
            );
        end if;
        return pg_catalog.jsonb_build_object(
            'kind', 'user',
            'id', auth.jwt() ->> 'sub',
            'name', coalesce(auth.jwt() ->> 'email', auth.jwt() ->> 'sub'),
            'role', private.ml_role()
        );
    end if;
    if not private.is_trusted_role(v_caller) then
        perform private.raise_error(
            403, 'forbidden', pg_catalog.format('The database role %s may do nothing here.', v_caller),
            'Be a member of service_role, and set that role.'
        );
    end if;
    if p_actor is null then
        return pg_catalog.jsonb_build_object(
            'kind', 'system', 'id', v_caller, 'name', v_caller, 'role', 'admin'
        );
    end if;
    if not coalesce(
        pg_catalog.jsonb_typeof(p_actor) = 'object'
        and p_actor ?& array['kind', 'id', 'name', 'role']
        and p_actor ->> 'kind' in ('user', 'key', 'system')
        and p_actor ->> 'role' in ('viewer', 'operator', 'admin', 'scheduler'),
        false
    ) then
        perform private.raise_error(
            422, 'invalid_request', 'p_actor must be an object with kind, id, name and role.'
        );
    end if;
    return p_actor;
end
$$;
comment on function private.current_actor(jsonb) is
'Who calls: a signed-in user by their token, a machine key by p_actor (which only the service role may give); a 403 for every other database role.';

create function private.act_as(p_actor jsonb) returns jsonb
language plpgsql
set search_path = ''
as $$
begin
    perform pg_catalog.set_config('refit.actor', p_actor::text, true);
    return p_actor;
end
$$;
comment on function private.act_as(jsonb) is
'Remembers the actor until the transaction ends: the audit trigger reads it.';

create function private.act_as_worker(p_worker text) returns jsonb
language sql
set search_path = ''
return private.act_as(pg_catalog.jsonb_build_object(
    'kind', 'system', 'id', p_worker, 'name', 'worker', 'role', 'admin'
));
comment on function private.act_as_worker(text) is
'Remembers a worker as the actor of this transaction.';

create function private.require_role(p_needed text, p_actor jsonb) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
    v_actor constant jsonb := private.current_actor(p_actor);
begin
    if not private.role_allows(v_actor ->> 'role', p_needed) then
        perform private.raise_error(
            403, 'forbidden',
            pg_catalog.format(
                'This needs the role %s; %s has %s.', p_needed, v_actor ->> 'name',
                coalesce('the role ' || (v_actor ->> 'role'), 'no role')
            ),
            'An admin can grant it: refit users grant EMAIL ROLE, or refit keys create.'
        );
    end if;
    return private.act_as(v_actor);
end
$$;
comment on function private.require_role(text, jsonb) is
'The actor, when their role allows it; else a 403 that names the role that is needed.';

create function private.set_function_class(p_function regprocedure, p_class text) returns void
language plpgsql
set search_path = ''
as $$
begin
    execute pg_catalog.format(
        'revoke all on function %s from public, anon, authenticated, service_role', p_function
    );
    case p_class
        when 'read', 'request' then
            execute pg_catalog.format(
                'grant execute on function %s to authenticated, service_role', p_function
            );
        when 'machinery' then
            execute pg_catalog.format('grant execute on function %s to service_role', p_function);
        when 'internal' then
            null;
    end case;
end
$$;
comment on function private.set_function_class(regprocedure, text) is
'Grants a function to those who may call its class: reads and requests to users and the service role, machinery to the service role, internal to nobody.';

create function private.encode_cursor(p_time timestamptz, p_id text) returns text
language sql immutable
set search_path = ''
return pg_catalog.translate(
    pg_catalog.encode(
        pg_catalog.convert_to(
            (extract(epoch from p_time) * 1000000)::bigint::text || '|' || p_id, 'UTF8'
        ),
        'base64'
    ),
    E'+/=\n', '-_'
);
comment on function private.encode_cursor(timestamptz, text) is
'An opaque page mark: the sort key of the last row shown.';

create function private.decode_cursor(p_cursor text) returns text
language plpgsql immutable
set search_path = ''
as $$
declare
    v_text text;
begin
    v_text := pg_catalog.convert_from(
        pg_catalog.decode(
            pg_catalog.rpad(
                pg_catalog.translate(p_cursor, '-_', '+/'),
                ((pg_catalog.length(p_cursor) + 3) / 4) * 4, '='
            ),
            'base64'
        ),
        'UTF8'
    );
    if v_text !~ '^\d{1,17}\|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
        raise invalid_parameter_value;
    end if;
    return v_text;
exception
    when others then
        perform private.raise_error(
            422, 'invalid_request', 'cursor is not one that this list gave.',
            'Leave it out to start from the newest.'
        );
end
$$;
comment on function private.decode_cursor(text) is
'The sort key inside a page mark, or a 422 that names the cursor.';

create function private.cursor_time(p_cursor text) returns timestamptz
language sql stable
set search_path = ''
return timestamptz 'epoch'
+ pg_catalog.split_part(private.decode_cursor(p_cursor), '|', 1)::bigint
* interval '1 microsecond';
comment on function private.cursor_time(text) is
'The time inside a page mark, to the microsecond.';

create function private.cursor_id(p_cursor text) returns text
language sql stable
set search_path = ''
return pg_catalog.split_part(private.decode_cursor(p_cursor), '|', 2);
comment on function private.cursor_id(text) is
'The id inside a page mark.';

select private.set_function_class(f, 'internal')
from unnest(array[
    'private.act_as_worker(text)', 'private.record_migration(text)',
    'private.set_function_class(regprocedure, text)'
]::regprocedure[]) as f;

select private.set_function_class(f, 'request')
from unnest(array[
    'private.raise_error(integer, text, text, text)', 'private.caller_role()',
    'private.ml_role()', 'private.is_trusted_role(text)', 'private.role_allows(text, text)', 'private.has_ml_role(text)',
    'private.act_as(jsonb)', 'private.current_actor(jsonb)', 'private.require_role(text, jsonb)',
    'private.encode_cursor(timestamptz, text)', 'private.decode_cursor(text)',
    'private.cursor_time(text)', 'private.cursor_id(text)'
]::regprocedure[]) as f;

select private.record_migration('20261124000100');
select private.record_migration('20261124000200');
