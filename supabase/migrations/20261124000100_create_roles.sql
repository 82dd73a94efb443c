-- The roles and the auth functions that Supabase brings, where plain Postgres lacks them, and
-- refit_reader, under which training data is read.
do $$
begin
    if not exists (select from pg_catalog.pg_roles where rolname = 'anon') then
        create role anon nologin noinherit;
    end if;
    if not exists (select from pg_catalog.pg_roles where rolname = 'authenticated') then
        create role authenticated nologin noinherit;
    end if;
    if not exists (select from pg_catalog.pg_roles where rolname = 'service_role') then
        create role service_role nologin noinherit bypassrls;
    end if;
    if not exists (select from pg_catalog.pg_roles where rolname = 'refit_reader') then
        create role refit_reader nologin noinherit;
        comment on role refit_reader is
        'Reads the training data that it was granted, and nothing else.';
    end if;
exception
    when insufficient_privilege then
        raise exception 'The roles anon, authenticated, service_role and refit_reader are missing, and % may not create them.', current_user
            using hint = 'Apply the migrations once as a superuser, or from PostgreSQL 16 on as a role with CREATEROLE and BYPASSRLS.';
end
$$;

-- Whoever made a role is a member of it, but since version 16 one that may not act as it.
do $$
declare
    v_role text;
    v_privilege constant text := case
        when pg_catalog.current_setting('server_version_num')::integer >= 160000 then 'set'
        else 'member'
    end;
begin
    foreach v_role in array array['anon', 'authenticated', 'service_role', 'refit_reader'] loop
        if not pg_catalog.pg_has_role(current_user, v_role, v_privilege) then
            execute pg_catalog.format('grant %I to current_user', v_role);
        end if;
    end loop;
end
$$;

create schema if not exists auth;

-- Supabase's schema auth is not ours to grant: only what is missing is.
do $$
declare
    v_role text;
begin
    foreach v_role in array array['anon', 'authenticated', 'service_role'] loop
        if not pg_catalog.has_schema_privilege(v_role, 'auth', 'usage') then
            execute pg_catalog.format('grant usage on schema auth to %I', v_role);
        end if;
    end loop;
end
$$;

do $$
begin
    if pg_catalog.to_regprocedure('auth.jwt()') is null then
        create function auth.jwt() returns jsonb
        language sql stable
        set search_path = ''
        return nullif(pg_catalog.current_setting('request.jwt.claims', true), '')::jsonb;
        comment on function auth.jwt() is
        'The claims of the caller''s token, as on Supabase.';
    end if;
    if pg_catalog.to_regprocedure('auth.uid()') is null then
        create function auth.uid() returns uuid
        language sql stable
        set search_path = ''
        return (auth.jwt() ->> 'sub')::uuid;
        comment on function auth.uid() is
        'The id of the caller''s user, as on Supabase.';
    end if;
end
$$;
