-- Verifying while a month is pruned sees it either there or gone, never half: it waits for the
-- chain of seals first. And it names the months that were pruned, for people to judge: whoever owns
-- the database can write such a record as well.
alter function private.verify_audit_seals(bigint, integer) rename to compare_audit_seals;
alter function private.compare_audit_seals(bigint, integer) security invoker;
comment on function private.compare_audit_seals(bigint, integer) is
'Compares the next seals after a number with the rows of the audit log, in the snapshot of its caller.';
select private.set_function_class('private.compare_audit_seals(bigint, integer)', 'internal');

create function private.verify_audit_seals(p_after bigint, p_limit integer) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    v_found jsonb;
begin
    -- Who seals or prunes then gives up until the next tick. The statements below come after.
    perform pg_catalog.pg_advisory_xact_lock_shared(
        pg_catalog.hashtextextended('refit.audit_chain', 0)
    );
    v_found := private.compare_audit_seals(p_after, p_limit);
    return v_found || pg_catalog.jsonb_build_object('pruned', coalesce(
        (
            select pg_catalog.jsonb_agg(
                pg_catalog.jsonb_build_object(
                    'seal', s.number, 'month', m.month, 'rows', s.row_count,
                    'pruned_at', s.sealed_at
                ) order by s.number
            )
            from private.audit_seals as s
            cross join pg_catalog.jsonb_object_keys(s.months) as m (month)
            where s.kind = 'pruned' and s.number > p_after
                and s.number <= (v_found ->> 'last')::bigint
        ), '[]'
    ));
end
$$;
comment on function private.verify_audit_seals(bigint, integer) is 'See public.verify_audit_seals.';

-- Made anew: its body still means the function that was renamed.
create or replace function public.verify_audit_seals(
    p_after bigint default 0, p_limit integer default 1000
) returns jsonb
language sql
set search_path = ''
return private.verify_audit_seals(p_after, p_limit);
comment on function public.verify_audit_seals(bigint, integer) is
'machinery: compares the next seals after a number, some thousand rows at a time, with the audit log, and names the months that were pruned; last is null behind the newest.';

select private.set_function_class(f, 'machinery')
from unnest(array[
    'private.verify_audit_seals(bigint, integer)', 'public.verify_audit_seals(bigint, integer)'
]::regprocedure[]) as f;

select private.record_migration('20261124010950');
