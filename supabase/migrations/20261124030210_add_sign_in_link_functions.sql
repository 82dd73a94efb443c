-- A link is made, opened once, and what it gave is taken back by signing out.
create function private.create_sign_in_link(
    p_token_hash text, p_name text, p_role text, p_expires_at timestamptz
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    v_row private.sign_in_links;
    v_constraint text;
begin
    perform private.act_as(private.current_actor(null));
    delete from private.sign_in_links
    where expires_at < pg_catalog.clock_timestamp() - interval '1 day';
    insert into private.sign_in_links (name, role, token_hash, expires_at)
    values (p_name, p_role, p_token_hash, p_expires_at)
    returning * into v_row;
    return pg_catalog.to_jsonb(v_row) - 'token_hash';
exception
    when check_violation then
        get stacked diagnostics v_constraint = constraint_name;
        perform private.raise_constraint('private.sign_in_links', v_constraint);
end
$$;
comment on function private.create_sign_in_link(text, text, text, timestamptz) is
'See public.create_sign_in_link.';

create function public.create_sign_in_link(
    p_token_hash text, p_name text, p_role text, p_expires_at timestamptz
) returns jsonb
language sql
set search_path = ''
return private.create_sign_in_link(p_token_hash, p_name, p_role, p_expires_at);
comment on function public.create_sign_in_link(text, text, text, timestamptz) is
'machinery: registers a link that signs a browser in once, by the SHA-256 of its token; those that expired over a day ago go.';

create function private.redeem_sign_in_link(
    p_token_hash text, p_key_name text, p_key_hash text, p_key_expires_at timestamptz
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    v_link private.sign_in_links;
    v_actor jsonb;
    v_key private.api_keys;
    v_constraint text;
begin
    select * into v_link from private.sign_in_links
    where token_hash = p_token_hash and used_at is null
        and expires_at > pg_catalog.clock_timestamp()
    for update;
    if not found then
        perform private.raise_error(
            401, 'sign_in_link_not_valid',
            'This sign-in link was opened before, has expired, or was never made here.',
            'Make a new one: refit dashboard.'
        );
    end if;
    v_actor := private.act_as(pg_catalog.jsonb_build_object(
        'kind', 'system', 'id', v_link.id, 'name', 'sign-in link of ' || v_link.name,
        'role', v_link.role
    ));
    update private.sign_in_links set used_at = pg_catalog.clock_timestamp()
    where id = v_link.id;
    delete from private.api_keys
    where is_session and expires_at < pg_catalog.clock_timestamp() - interval '1 day';
    if p_key_expires_at is null
        or p_key_expires_at > pg_catalog.clock_timestamp() + interval '1 day' then
        perform private.raise_error(
            422, 'invalid_request', 'key_expires_at must be within a day.'
        );
    end if;
    insert into private.api_keys (name, role, key_hash, expires_at, created_by, is_session)
    values (p_key_name, v_link.role, p_key_hash, p_key_expires_at, v_actor, true)
    returning * into v_key;
    return pg_catalog.to_jsonb(v_key) - 'key_hash';
exception
    when unique_violation then
        perform private.raise_error(
            409, 'conflict', pg_catalog.format('There is a key named %s already.', p_key_name),
            'Take another name.'
        );
    when check_violation then
        get stacked diagnostics v_constraint = constraint_name;
        perform private.raise_constraint('private.api_keys', v_constraint);
end
$$;
comment on function private.redeem_sign_in_link(text, text, text, timestamptz) is
'See public.redeem_sign_in_link.';

create function public.redeem_sign_in_link(
    p_token_hash text, p_key_name text, p_key_hash text, p_key_expires_at timestamptz
) returns jsonb
language sql
set search_path = ''
return private.redeem_sign_in_link(p_token_hash, p_key_name, p_key_hash, p_key_expires_at);
comment on function public.redeem_sign_in_link(text, text, text, timestamptz) is
'machinery: opens a sign-in link, once, and registers the key of the browser that did, with the link''s role; session keys that expired over a day ago go.';

create function private.revoke_session_key(p_key_hash text) returns boolean
language plpgsql security definer
set search_path = ''
as $$
declare
    v_key private.api_keys;
begin
    select * into v_key from private.api_keys
    where key_hash = p_key_hash and is_session and revoked_at is null
    for update;
    if not found then
        return false;
    end if;
    perform private.act_as(pg_catalog.jsonb_build_object(
        'kind', 'key', 'id', v_key.id, 'name', v_key.name, 'role', v_key.role
    ));
    update private.api_keys set revoked_at = pg_catalog.clock_timestamp() where id = v_key.id;
    return true;
end
$$;
comment on function private.revoke_session_key(text) is 'See public.revoke_session_key.';

create function public.revoke_session_key(p_key_hash text) returns boolean
language sql
set search_path = ''
return private.revoke_session_key(p_key_hash);
comment on function public.revoke_session_key(text) is
'machinery: signs a browser out whose key a sign-in link gave; false for any other key, which stands.';

select private.set_function_class(f, 'machinery')
from unnest(array[
    'private.create_sign_in_link(text, text, text, timestamptz)',
    'public.create_sign_in_link(text, text, text, timestamptz)',
    'private.redeem_sign_in_link(text, text, text, timestamptz)',
    'public.redeem_sign_in_link(text, text, text, timestamptz)',
    'private.revoke_session_key(text)', 'public.revoke_session_key(text)'
]::regprocedure[]) as f;

select private.record_migration('20261124030210');
