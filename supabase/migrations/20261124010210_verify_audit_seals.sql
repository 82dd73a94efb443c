-- Does the audit log still say what was sealed? Asked in pieces of bounded size.
create function private.verify_audit_seals(p_after bigint, p_limit integer) returns jsonb
language sql stable security definer
set search_path = ''
as $$
    with batch as materialized (
        select
            s.*,
            (
                select p.number from private.audit_seals as p
                where p.number < s.number
                order by p.number desc limit 1
            ) as before_number
        from (
            select
                n.*,
                pg_catalog.sum(n.row_count) over (order by n.number) - n.row_count as rows_before
            from (
                select all_seals.*, private.audit_seal_hash(all_seals) = all_seals.hash as is_own
                from private.audit_seals as all_seals
                where all_seals.number > p_after
                order by all_seals.number
                limit p_limit
            ) as n
        ) as s
        where s.rows_before < 20000
    ), pruned as materialized (
        select pg_catalog.jsonb_object_keys(s.months) as month
        from private.audit_seals as s
        where s.kind = 'pruned' and private.audit_seal_hash(s) = s.hash
    ), sealed as (
        select
            b.number, m.key as month, (m.value ->> 'rows')::bigint as row_count,
            m.value ->> 'hash' as hash,
            exists (select from pruned as p where p.month = m.key) as is_pruned
        from batch as b
        cross join pg_catalog.jsonb_each(b.months) as m
        where b.kind = 'rows' and b.is_own
    ), ranges as (
        select
            b.cluster_id,
            (pg_catalog.array_agg(b.from_transaction order by b.number))[1] as from_transaction,
            (pg_catalog.array_agg(b.from_id order by b.number))[1] as from_id,
            (pg_catalog.array_agg(b.to_transaction order by b.number desc))[1] as to_transaction,
            (pg_catalog.array_agg(b.to_id order by b.number desc))[1] as to_id
        from batch as b
        where b.kind = 'rows' and b.is_own
        group by b.cluster_id
    ), found as (
        select
            s.number, h.month, pg_catalog.count(*) as row_count,
            pg_catalog.encode(
                pg_catalog.sha256(
                    pg_catalog.string_agg(h.hash, ''::bytea order by h.transaction_id, h.id)
                ), 'hex'
            ) as hash
        from ranges as r
        inner join private.hashed_audit_rows as h
            on h.cluster_id = r.cluster_id
            and (h.transaction_id, h.id) >= (r.from_transaction, r.from_id)
            and (h.transaction_id, h.id) < (r.to_transaction, r.to_id)
        cross join lateral (
            select n.number, n.from_transaction, n.from_id
            from private.audit_seals as n
            where n.cluster_id = h.cluster_id
                and (n.to_transaction, n.to_id) > (h.transaction_id, h.id)
            order by n.to_transaction, n.to_id
            limit 1
        ) as s
        where (h.transaction_id, h.id) >= (s.from_transaction, s.from_id)
        group by s.number, h.month
    ), compared as (
        select
            coalesce(s.number, f.number) as number, coalesce(s.month, f.month) as month,
            case when s.is_pruned then 0 else coalesce(s.row_count, 0) end as sealed_rows,
            coalesce(f.row_count, 0) as found_rows,
            s.hash is distinct from f.hash as differs
        from sealed as s
        full join found as f on s.number = f.number and s.month = f.month
    ), problems as (
        select
            coalesce(p.number, 0) + 1 as number, b.number - 1 as last_number,
            'seal_missing' as problem, null as month, null::bigint as sealed_rows,
            null::bigint as found_rows, null as from_transaction, null as to_transaction,
            p.sealed_at as first_at, b.sealed_at as last_at
        from batch as b
        left join private.audit_seals as p on b.before_number = p.number
        where b.number > coalesce(b.before_number, 0) + 1
        union all
        select
            b.number, b.number,
            case when b.is_own then 'chain_broken' else 'seal_changed' end,
            null, null, null, b.from_transaction::text, b.to_transaction::text,
            b.first_at, b.last_at
        from batch as b
        left join private.audit_seals as p on b.before_number = p.number
        where not b.is_own
            or (p.number = b.number - 1 and b.previous_hash is distinct from p.hash)
        union all
        select
            c.number, c.number,
            case
                when c.found_rows < c.sealed_rows then 'rows_removed'
                when c.found_rows > c.sealed_rows then 'rows_added'
                else 'rows_changed'
            end,
            c.month, c.sealed_rows, c.found_rows, b.from_transaction::text,
            b.to_transaction::text, b.first_at, b.last_at
        from compared as c
        inner join batch as b on c.number = b.number and b.is_own
        where c.found_rows <> c.sealed_rows or (c.differs and c.sealed_rows > 0)
    )
    select pg_catalog.jsonb_build_object(
        'seals', (select pg_catalog.count(*) from batch),
        'rows', (
            select coalesce(pg_catalog.sum(s.row_count), 0) from sealed as s
            where not s.is_pruned
        ),
        'pruned_rows', (
            select coalesce(pg_catalog.sum(s.row_count), 0) from sealed as s
            where s.is_pruned
        ),
        'last', (select pg_catalog.max(b.number) from batch as b),
        'problems', coalesce(
            (
                select pg_catalog.jsonb_agg(
                    pg_catalog.jsonb_build_object(
                        'problem', p.problem, 'seal', p.number, 'last_seal', p.last_number,
                        'month', p.month, 'sealed_rows', p.sealed_rows,
                        'found_rows', p.found_rows, 'from_transaction', p.from_transaction,
                        'to_transaction', p.to_transaction, 'first_at', p.first_at,
                        'last_at', p.last_at
                    ) order by p.number, p.month
                )
                from problems as p
            ), '[]'
        )
    )
$$;
comment on function private.verify_audit_seals(bigint, integer) is 'See public.verify_audit_seals.';

create function public.verify_audit_seals(
    p_after bigint default 0, p_limit integer default 1000
) returns jsonb
language sql
set search_path = ''
return private.verify_audit_seals(p_after, p_limit);
comment on function public.verify_audit_seals(bigint, integer) is
'machinery: compares the next seals after a number, some thousand rows at a time, with the audit log; last is null behind the newest.';

select private.set_function_class(f, 'machinery')
from unnest(array[
    'private.verify_audit_seals(bigint, integer)', 'public.verify_audit_seals(bigint, integer)'
]::regprocedure[]) as f;

select private.record_migration('20261124010210');
