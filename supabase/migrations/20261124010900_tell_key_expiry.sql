-- Functions remember a key for some seconds: they must know when it expires meanwhile.

create or replace function private.find_api_key(p_key_hash text) returns jsonb
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
    -- The time that is left, not the time of day: the caller's clock may differ from this one.
    return pg_catalog.jsonb_build_object(
        'id', v_row.id, 'name', v_row.name, 'role', v_row.role,
        'expires_in_seconds',
        extract(epoch from v_row.expires_at - pg_catalog.clock_timestamp())
    );
end
$$;

comment on function public.find_api_key(text) is
'machinery: id, name, role and remaining seconds of a standing key, or null.';

select private.record_migration('20261124010900');
