-- A request that is sent twice is carried out once: the first answer is kept in its transaction.
alter table private.idempotency_keys
drop column status_code,
add constraint idempotency_keys_key_is_printable check (
    idempotency_key ~ '^[ -~]+$' and pg_catalog.length(idempotency_key) <= 255
),
add constraint idempotency_keys_hash_is_sha256 check (body_hash ~ '^[0-9a-f]{64}$');
comment on constraint idempotency_keys_key_is_printable on private.idempotency_keys is
'Idempotency-Key must have 1 to 255 printable ASCII characters.';
comment on constraint idempotency_keys_hash_is_sha256 on private.idempotency_keys is
'body_hash must be a SHA-256 in hex.';
comment on column private.idempotency_keys.credential is
'Whose answer it is: the kind and id of the caller, as the database itself has found them.';
comment on column private.idempotency_keys.answer is
'What the request function gave; of a check, validation or deployment that is the operation''s id.';

create function private.credential_of(p_actor jsonb) returns text
language sql stable
set search_path = ''
return (
    select (a.actor ->> 'kind') || ':' || (a.actor ->> 'id')
    from private.current_actor(p_actor) as a (actor)
);
comment on function private.credential_of(jsonb) is
'Under which name a caller''s answers are kept: nobody can give another one''s.';

create function private.find_answer(
    p_action text, p_key text, p_body_hash text, p_actor jsonb
) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
    v_credential constant text := private.credential_of(p_actor);
    v_row private.idempotency_keys;
begin
    -- Whoever sends the same at the same time waits here for the first to commit.
    perform pg_catalog.pg_advisory_xact_lock(
        pg_catalog.hashtextextended(
            pg_catalog.jsonb_build_array(v_credential, p_action, p_key)::text, 0
        )
    );
    select * into v_row from private.idempotency_keys
    where credential = v_credential and action = p_action and idempotency_key = p_key
        and created_at > pg_catalog.clock_timestamp() - interval '24 hours';
    if v_row.body_hash <> p_body_hash then
        perform private.raise_error(
            422, 'idempotency_key_reused',
            'Idempotency-Key was sent with another body before.',
            'Take a new key for a new request; keep it only to send the same one again.'
        );
    end if;
    return v_row.answer;
end
$$;
comment on function private.find_answer(text, text, text, jsonb) is
'The answer that the caller''s request under this key had, or null; until the transaction ends, nobody else asks for the same.';

create function private.keep_answer(
    p_action text, p_key text, p_body_hash text, p_answer jsonb, p_actor jsonb
) returns void
language plpgsql
set search_path = ''
as $$
declare
    v_constraint text;
begin
    insert into private.idempotency_keys (
        credential, action, idempotency_key, body_hash, answer
    ) values (private.credential_of(p_actor), p_action, p_key, p_body_hash, p_answer)
    -- Only one that has expired can still be there.
    on conflict (credential, action, idempotency_key) do update set
        body_hash = excluded.body_hash,
        answer = excluded.answer,
        created_at = excluded.created_at;
exception
    when check_violation then
        get stacked diagnostics v_constraint = constraint_name;
        perform private.raise_constraint('private.idempotency_keys', v_constraint);
end
$$;
comment on function private.keep_answer(text, text, text, jsonb, jsonb) is
'Keeps the answer to a request for a day, under the caller''s own name.';

create function private.run_once(
    p_action text, p_key text, p_body_hash text, p_function text, p_arguments jsonb, p_actor jsonb
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    -- Requests alone, which know their caller in a definer function too; nothing of the machinery,
    -- and nothing that gives out a secret: the answer is kept.
    v_functions constant text [] := array[
        'trigger_retraining', 'request_check', 'request_validation', 'request_deployment',
        'rollback_model', 'cancel_job', 'create_model_type', 'update_model_type',
        'create_schedule', 'update_schedule', 'acknowledge_alert', 'record_event'
    ];
    v_answer jsonb;
    v_names text;
    v_columns text;
begin
    if not coalesce(p_function = any(v_functions), false) then
        perform private.raise_error(
            422, 'invalid_request', pg_catalog.format('There is no request %s to run once.', p_function)
        );
    end if;
    perform private.require_role('operator', p_actor);
    perform private.check_needed('action', p_action);
    perform private.check_needed('Idempotency-Key', p_key);
    perform private.check_needed('body_hash', p_body_hash);
    v_answer := private.find_answer(p_action, p_key, p_body_hash, p_actor);
    if v_answer is not null then
        return pg_catalog.jsonb_build_object('answer', v_answer, 'replayed', true);
    end if;
    perform private.refuse_unknown_fields(
        p_arguments,
        (
            select p.proargnames::text [] from pg_catalog.pg_proc as p
            where p.pronamespace = 'public'::regnamespace and p.proname = p_function
        ),
        p_function
    );
    -- The catalogue knows the types: jsonb_to_record reads each argument as its own. (With several
    -- arguments unnest is grammar, not a function of pg_catalog.)
    select
        pg_catalog.string_agg(pg_catalog.format('%I => r.%I, ', a.name, a.name), ''),
        pg_catalog.string_agg(
            pg_catalog.format('%I %s', a.name, pg_catalog.format_type(a.type, null)), ', '
        )
    into v_names, v_columns
    from pg_catalog.pg_proc as p
    cross join lateral unnest(p.proargnames, p.proargtypes::oid []) as a (name, type)
    where p.pronamespace = 'public'::regnamespace and p.proname = p_function
        and p_arguments ? a.name and a.name <> 'p_actor';
    execute case
        when v_columns is null
            then pg_catalog.format('select public.%I(p_actor => $2)', p_function)
        else pg_catalog.format(
            'select public.%I(%s p_actor => $2) from pg_catalog.jsonb_to_record($1) as r (%s)',
            p_function, v_names, v_columns
        )
    end
    into v_answer using p_arguments, p_actor;
    perform private.keep_answer(p_action, p_key, p_body_hash, v_answer, p_actor);
    return pg_catalog.jsonb_build_object('answer', v_answer, 'replayed', false);
end
$$;
comment on function private.run_once(text, text, text, text, jsonb, jsonb) is
'See public.run_once.';

create function public.run_once(
    p_action text, p_key text, p_body_hash text, p_function text, p_arguments jsonb,
    p_actor jsonb default null
) returns jsonb
language sql
set search_path = ''
return private.run_once(p_action, p_key, p_body_hash, p_function, p_arguments, p_actor);
comment on function public.run_once(text, text, text, text, jsonb, jsonb) is
'request, operator: calls another request as the same caller and keeps its answer in the same transaction for a day; sent again under the same key it gives that answer, {answer, replayed}. A 422 named idempotency_key_reused when the body is another.';

select private.set_function_class(f, 'internal')
from unnest(array[
    'private.credential_of(jsonb)', 'private.find_answer(text, text, text, jsonb)',
    'private.keep_answer(text, text, text, jsonb, jsonb)'
]::regprocedure[]) as f;

select private.set_function_class(f, 'request')
from unnest(array[
    'private.run_once(text, text, text, text, jsonb, jsonb)',
    'public.run_once(text, text, text, text, jsonb, jsonb)'
]::regprocedure[]) as f;

select private.record_migration('20261124010610');
