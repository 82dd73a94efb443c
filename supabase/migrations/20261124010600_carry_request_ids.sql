-- The id of a request reaches every audit row of its transaction, whatever the request was.
create function private.check_needed(p_field text, p_value text) returns void
language plpgsql stable
set search_path = ''
as $$
begin
    if coalesce(p_value, '') = '' or pg_catalog.length(p_value) > 255 then
        perform private.raise_error(
            422, 'invalid_request', p_field || ' must have 1 to 255 characters.'
        );
    end if;
end
$$;
comment on function private.check_needed(text, text) is
'A 422 that names a short text which is missing or too long.';

create or replace function private.current_actor(p_actor jsonb) returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
    v_caller constant text := private.caller_role();
    v_actor constant jsonb := case pg_catalog.jsonb_typeof(p_actor)
        when 'object' then p_actor - 'request_id' else p_actor
    end;
begin
    if v_caller = 'anon' then
        perform private.raise_error(401, 'unauthenticated', 'Sign in first.');
    end if;
    if v_caller = 'authenticated' then
        -- What a request is called, its sender may say; who sends it, the token says.
        if p_actor is not null and v_actor is distinct from '{}' then
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
        pg_catalog.jsonb_typeof(v_actor) = 'object'
        and v_actor ?& array['kind', 'id', 'name', 'role']
        and v_actor ->> 'kind' in ('user', 'key', 'system')
        and v_actor ->> 'role' in ('viewer', 'operator', 'admin', 'scheduler'),
        false
    ) then
        perform private.raise_error(
            422, 'invalid_request', 'p_actor must be an object with kind, id, name and role.'
        );
    end if;
    return v_actor;
end
$$;
comment on function private.current_actor(jsonb) is
'Who calls: a signed-in user by their token, a machine key by p_actor (which only the service role may give); a 403 for every other database role. The request_id in p_actor is no part of who.';

create or replace function private.require_role(p_needed text, p_actor jsonb) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
    v_actor constant jsonb := private.current_actor(p_actor);
    v_request_id constant text := p_actor ->> 'request_id';
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
    -- A request that asks another one in its own name does not lose the id.
    if v_request_id is not null then
        perform private.check_needed('request_id', v_request_id);
        perform pg_catalog.set_config('refit.request_id', v_request_id, true);
    end if;
    return private.act_as(v_actor);
end
$$;
comment on function private.require_role(text, jsonb) is
'The actor, when their role allows it, remembered with the request''s id until the transaction ends; else a 403 that names the role that is needed.';

drop function private.write_audit(
    text, text, text, text, public.ml_environment, jsonb, jsonb, jsonb, text
);
create function private.write_audit(
    p_action text, p_entity text, p_entity_id text, p_model_type text,
    p_environment public.ml_environment, p_before jsonb, p_after jsonb, p_detail jsonb,
    p_request_id text
) returns uuid
language sql security definer
set search_path = ''
as $$
    insert into public.workflow_audit_logs (
        actor, action, entity, entity_id, model_type, environment, before, after, detail, request_id
    ) values (
        coalesce(
            nullif(pg_catalog.current_setting('refit.actor', true), '')::jsonb,
            pg_catalog.jsonb_build_object(
                'kind', 'system', 'id', session_user, 'name', session_user, 'role', 'admin'
            )
        ),
        p_action, p_entity, p_entity_id, p_model_type, p_environment, p_before, p_after, p_detail,
        coalesce(nullif(pg_catalog.current_setting('refit.request_id', true), ''), p_request_id)
    )
    returning id
$$;
comment on function private.write_audit(
    text, text, text, text, public.ml_environment, jsonb, jsonb, jsonb, text
) is
'Adds one audit row in the name of the transaction''s actor, under the id of the request that it serves, else under the one given; returns the row''s id.';

select private.set_function_class(
    'private.write_audit(text, text, text, text, public.ml_environment, jsonb, jsonb, jsonb, text)',
    'internal'
);

select private.set_function_class('private.check_needed(text, text)', 'request');

select private.record_migration('20261124010600');
