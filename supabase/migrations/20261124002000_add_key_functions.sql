-- Machine keys: made by an admin, looked up by their hash.
create function private.create_api_key(
    p_name text, p_role text, p_key_hash text, p_expires_at timestamptz, p_actor jsonb
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    v_actor constant jsonb := private.require_role('admin', p_actor);
    v_row private.api_keys;
    v_constraint text;
begin
    insert into private.api_keys (name, role, key_hash, expires_at, created_by)
    values (p_name, p_role, p_key_hash, p_expires_at, v_actor)
    returning * into v_row;
    return pg_catalog.to_jsonb(v_row) - 'key_hash';
exception
    when unique_violation then
        perform private.raise_error(
            409, 'conflict', pg_catalog.format('There is a key named %s already.', p_name),
            'Revoke it first, or take another name.'
        );
    when check_violation then
        get stacked diagnostics v_constraint = constraint_name;
        perform private.raise_constraint('private.api_keys', v_constraint);
end
$$;
comment on function private.create_api_key(text, text, text, timestamptz, jsonb) is
'See public.create_api_key.';

create function public.create_api_key(
    p_name text, p_role text, p_key_hash text, p_expires_at timestamptz default null,
    p_actor jsonb default null
) returns jsonb
language sql
set search_path = ''
return private.create_api_key(p_name, p_role, p_key_hash, p_expires_at, p_actor);
comment on function public.create_api_key(text, text, text, timestamptz, jsonb) is
'request, admin: registers a machine key by the SHA-256 of its text.';

create function private.revoke_api_key(p_name text, p_actor jsonb) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    v_row private.api_keys;
begin
    perform private.require_role('admin', p_actor);
    update private.api_keys set revoked_at = pg_catalog.clock_timestamp()
    where name = p_name and revoked_at is null
    returning * into v_row;
    if not found then
        perform private.raise_error(404, 'not_found', pg_catalog.format('There is no standing key named %s.', p_name));
    end if;
    return pg_catalog.to_jsonb(v_row) - 'key_hash';
end
$$;
comment on function private.revoke_api_key(text, jsonb) is 'See public.revoke_api_key.';

create function public.revoke_api_key(p_name text, p_actor jsonb default null) returns jsonb
language sql
set search_path = ''
return private.revoke_api_key(p_name, p_actor);
comment on function public.revoke_api_key(text, jsonb) is
'request, admin: a revoked key never works again.';

create function private.list_api_keys(p_actor jsonb) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
begin
    perform private.require_role('admin', p_actor);
    return pg_catalog.jsonb_build_object('items', coalesce(
        (
            select pg_catalog.jsonb_agg(pg_catalog.to_jsonb(k) - 'key_hash' order by k.created_at desc)
            from private.api_keys as k
        ), '[]'
    ));
end
$$;
comment on function private.list_api_keys(jsonb) is 'See public.list_api_keys.';

create function public.list_api_keys(p_actor jsonb default null) returns jsonb
language sql
set search_path = ''
return private.list_api_keys(p_actor);
comment on function public.list_api_keys(jsonb) is
'request, admin: the keys'' names, roles and times; never the keys.';

create function private.find_api_key(p_key_hash text) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    v_row private.api_keys;
begin
    select * into v_row from private.api_keys
    where key_hash = p_key_hash and revoked_at is null
        and (expires_at is null or expires_at > pg_catalog.clock_timestamp());
    if not found then
        return null;
    end if;
    -- Written at most once a minute: a look-up must stay cheap.
    update private.api_keys set last_used_at = pg_catalog.clock_timestamp()
    where id = v_row.id and (
        last_used_at is null or last_used_at < pg_catalog.clock_timestamp() - interval '1 minute'
    );
    return pg_catalog.jsonb_build_object('id', v_row.id, 'name', v_row.name, 'role', v_row.role);
end
$$;
comment on function private.find_api_key(text) is 'See public.find_api_key.';

create function public.find_api_key(p_key_hash text) returns jsonb
language sql
set search_path = ''
return private.find_api_key(p_key_hash);
comment on function public.find_api_key(text) is
'machinery: id, name and role of a standing key, or null.';

select private.set_function_class(f, 'request')
from unnest(array[
    'private.create_api_key(text, text, text, timestamptz, jsonb)',
    'public.create_api_key(text, text, text, timestamptz, jsonb)',
    'private.revoke_api_key(text, jsonb)', 'public.revoke_api_key(text, jsonb)',
    'private.list_api_keys(jsonb)', 'public.list_api_keys(jsonb)'
]::regprocedure[]) as f;

select private.set_function_class(f, 'machinery')
from unnest(array['private.find_api_key(text)', 'public.find_api_key(text)']::regprocedure[])
    as f;

select private.record_migration('20261124002000');
