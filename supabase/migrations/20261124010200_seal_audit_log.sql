-- The audit log proves itself: a chain of seals, each over the rows of transactions that have all
-- ended, so that a row that is removed, changed or slipped in later no longer fits.
create function private.cluster_id() returns bigint
language sql stable
set search_path = ''
return (
    select c.system_identifier from pg_catalog.pg_control_system() as c
);
comment on function private.cluster_id() is
'The database cluster that this one is part of: every initdb makes a number of its own.';

-- A dump that is restored elsewhere brings the old transaction numbers along, while the new cluster
-- counts from anew: only both together say where in the log a row is.
alter table public.workflow_audit_logs
add column cluster_id bigint not null default private.cluster_id();
comment on column public.workflow_audit_logs.cluster_id is
'The cluster that numbered the transaction: a dump that is restored elsewhere keeps it.';
create index workflow_audit_logs_by_transaction
on public.workflow_audit_logs (cluster_id, transaction_id);

-- What the rows of a seal are hashed from. jsonb and microseconds look the same whatever the
-- settings of a session. A column that is added later must be left out where it is null, or older
-- seals no longer fit.
create view private.hashed_audit_rows with (security_invoker = true) as
select
    a.cluster_id,
    a.transaction_id,
    a.id,
    a.created_at,
    pg_catalog.to_char(pg_catalog.timezone('UTC', a.created_at), 'YYYY-MM') as month,
    pg_catalog.sha256(
        pg_catalog.convert_to(
            pg_catalog.jsonb_build_array(
                a.cluster_id::text, a.transaction_id::text, a.id,
                (extract(epoch from a.created_at) * 1000000)::bigint, a.actor, a.action,
                a.entity, a.entity_id, a.model_type, a.environment, a.before, a.after, a.detail,
                a.request_id
            )::text,
            'UTF8'
        )
    ) as hash
from public.workflow_audit_logs as a;
comment on view private.hashed_audit_rows is
'The SHA-256 of every audit row, with where it is in the log.';
revoke all on private.hashed_audit_rows from public, anon, authenticated, service_role;

-- The first draft of this table was never written to.
drop table private.audit_seals;
create table private.audit_seals (
    number bigint primary key,
    kind text not null,
    cluster_id bigint,
    from_transaction xid8,
    from_id uuid,
    to_transaction xid8,
    to_id uuid,
    row_count bigint not null,
    months jsonb not null,
    first_at timestamptz,
    last_at timestamptz,
    sealed_at timestamptz not null,
    previous_hash text,
    hash text not null,
    constraint audit_seals_kind_is_known check (kind in ('rows', 'pruned')),
    constraint audit_seals_rows_have_a_range check (
        kind <> 'rows' or (from_transaction, from_id) < (to_transaction, to_id)
    ),
    constraint audit_seals_row_count_in_range check (row_count >= 0),
    constraint audit_seals_hash_is_sha256 check (hash ~ '^[0-9a-f]{64}$'),
    constraint audit_seals_first_follows_nothing check ((number = 1) = (previous_hash is null))
);
comment on table private.audit_seals is
'Hash chain over the audit log: a removed, changed or added row no longer fits its seal; months that retention removed are entries of their own.';
comment on column private.audit_seals.kind is
'rows: seals the rows of a range; pruned: says that retention removed a month.';
comment on column private.audit_seals.from_transaction is
'With from_id the first place of the range, as its cluster numbers transactions; each range begins where the one before ends.';
comment on column private.audit_seals.to_transaction is
'With to_id the first place after the range.';
comment on column private.audit_seals.months is
'By month: how many rows, and the SHA-256 over the hashes of its rows in their order, so that a month can go without the rest of the seal.';
comment on column private.audit_seals.hash is
'SHA-256 over all other fields, the hash before among them.';
create unique index audit_seals_by_place
on private.audit_seals (cluster_id, to_transaction, to_id);
create index audit_seals_pruned on private.audit_seals (number) where kind = 'pruned';
alter table private.audit_seals enable row level security;
revoke all on private.audit_seals from public, anon, authenticated, service_role;
create policy "seals are for the machinery alone" on private.audit_seals
for select to authenticated using (false);
create trigger refuse_row_change before update or delete on private.audit_seals
for each row execute function private.refuse_change();
create trigger refuse_truncate before truncate on private.audit_seals
for each statement execute function private.refuse_change();

create function private.audit_seal_hash(p_seal private.audit_seals) returns text
language sql immutable
set search_path = ''
return pg_catalog.encode(
    pg_catalog.sha256(
        pg_catalog.convert_to(
            pg_catalog.jsonb_build_array(
                p_seal.number, p_seal.kind, p_seal.cluster_id::text,
                p_seal.from_transaction::text, p_seal.from_id,
                p_seal.to_transaction::text, p_seal.to_id,
                p_seal.row_count, p_seal.months,
                (extract(epoch from p_seal.first_at) * 1000000)::bigint,
                (extract(epoch from p_seal.last_at) * 1000000)::bigint,
                (extract(epoch from p_seal.sealed_at) * 1000000)::bigint,
                p_seal.previous_hash
            )::text,
            'UTF8'
        )
    ),
    'hex'
);
comment on function private.audit_seal_hash(private.audit_seals) is
'What the hash of a seal must be.';

create function private.add_audit_seal(p_seal private.audit_seals) returns void
language plpgsql
set search_path = ''
as $$
declare
    v_seal private.audit_seals := p_seal;
begin
    select s.number, s.hash into v_seal.number, v_seal.previous_hash
    from private.audit_seals as s
    order by s.number desc
    limit 1;
    v_seal.number := coalesce(v_seal.number, 0) + 1;
    v_seal.sealed_at := pg_catalog.clock_timestamp();
    v_seal.hash := private.audit_seal_hash(v_seal);
    insert into private.audit_seals values (v_seal.*);
end
$$;
comment on function private.add_audit_seal(private.audit_seals) is
'Hangs a seal on the end of the chain; its caller holds the lock of the chain.';

create function private.lock_audit_chain() returns boolean
language sql
set search_path = ''
return pg_catalog.pg_try_advisory_xact_lock(pg_catalog.hashtextextended('refit.audit_chain', 0));
comment on function private.lock_audit_chain() is
'Whether this transaction may add to the chain of seals: one at a time, the others have nothing to do.';

create function private.next_audit_seal(p_cluster_id bigint, p_until xid8) returns private.audit_seals
language plpgsql
set search_path = ''
as $$
declare
    v_most constant integer := 10000;
    v_seal private.audit_seals;
begin
    v_seal.kind := 'rows';
    v_seal.cluster_id := p_cluster_id;
    select s.to_transaction, s.to_id into v_seal.from_transaction, v_seal.from_id
    from private.audit_seals as s
    where s.cluster_id = p_cluster_id
    order by s.to_transaction desc, s.to_id desc
    limit 1;
    if not found then
        v_seal.from_transaction := '0';
        v_seal.from_id := '00000000-0000-0000-0000-000000000000';
    end if;
    if v_seal.from_transaction >= p_until then
        return null;
    end if;
    select a.transaction_id, a.id into v_seal.to_transaction, v_seal.to_id
    from public.workflow_audit_logs as a
    where a.cluster_id = p_cluster_id
        and (a.transaction_id, a.id) >= (v_seal.from_transaction, v_seal.from_id)
        and a.transaction_id < p_until
    order by a.transaction_id, a.id
    offset v_most
    limit 1;
    if not found then
        v_seal.to_transaction := p_until;
        v_seal.to_id := '00000000-0000-0000-0000-000000000000';
    end if;
    select
        pg_catalog.sum(m.row_count), pg_catalog.min(m.first_at), pg_catalog.max(m.last_at),
        pg_catalog.jsonb_object_agg(
            m.month, pg_catalog.jsonb_build_object('rows', m.row_count, 'hash', m.hash)
        )
    into v_seal.row_count, v_seal.first_at, v_seal.last_at, v_seal.months
    from (
        select
            h.month, pg_catalog.count(*) as row_count,
            pg_catalog.min(h.created_at) as first_at, pg_catalog.max(h.created_at) as last_at,
            pg_catalog.encode(
                pg_catalog.sha256(
                    pg_catalog.string_agg(h.hash, ''::bytea order by h.transaction_id, h.id)
                ), 'hex'
            ) as hash
        from private.hashed_audit_rows as h
        where h.cluster_id = p_cluster_id
            and (h.transaction_id, h.id) >= (v_seal.from_transaction, v_seal.from_id)
            and (h.transaction_id, h.id) < (v_seal.to_transaction, v_seal.to_id)
        group by h.month
    ) as m;
    return case when v_seal.row_count > 0 then v_seal end;
end
$$;
comment on function private.next_audit_seal(bigint, xid8) is
'The seal over the next rows of a cluster, 10,000 at most, of transactions before p_until; null when there is none.';

create function private.seal_audit_log() returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
    v_stop_at constant timestamptz := pg_catalog.clock_timestamp() + interval '3 seconds';
    v_cluster_id bigint;
    v_until xid8;
    v_seal private.audit_seals;
    v_seals integer := 0;
    v_rows bigint := 0;
begin
    if not private.lock_audit_chain() then
        return '{"seals": 0, "rows": 0}';
    end if;
    for v_cluster_id in
        with recursive clusters as (
            select pg_catalog.min(a.cluster_id) as id from public.workflow_audit_logs as a
            union all
            select (
                select pg_catalog.min(a.cluster_id) from public.workflow_audit_logs as a
                where a.cluster_id > c.id
            )
            from clusters as c
            where c.id is not null
        )
        select c.id from clusters as c where c.id is not null
    loop
        if v_cluster_id = private.cluster_id() then
            -- Every transaction below has ended, and whatever it wrote is seen by the next statement.
            v_until := pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot());
        else
            -- Restored from a dump: all of it had ended. It goes on behind the last row, for this
            -- log may be brought back to the cluster that it came from.
            select (a.transaction_id::text::numeric + 1)::text::xid8 into v_until
            from public.workflow_audit_logs as a
            where a.cluster_id = v_cluster_id
            order by a.transaction_id desc
            limit 1;
        end if;
        loop
            v_seal := private.next_audit_seal(v_cluster_id, v_until);
            exit when v_seal.kind is null;
            perform private.add_audit_seal(v_seal);
            v_seals := v_seals + 1;
            v_rows := v_rows + v_seal.row_count;
            exit when pg_catalog.clock_timestamp() > v_stop_at;
        end loop;
    end loop;
    return pg_catalog.jsonb_build_object('seals', v_seals, 'rows', v_rows);
end
$$;
comment on function private.seal_audit_log() is 'See public.seal_audit_log.';

create function public.seal_audit_log() returns jsonb
language sql
set search_path = ''
return private.seal_audit_log();
comment on function public.seal_audit_log() is
'machinery: seals the audit rows whose transactions have all ended, for some seconds at most.';

create function private.get_audit_seal(p_number bigint) returns jsonb
language sql stable security definer
set search_path = ''
return (
    select
        pg_catalog.jsonb_build_object(
            'number', s.number, 'hash', s.hash, 'sealed_at', s.sealed_at,
            'row_count', s.row_count, 'first_at', s.first_at, 'last_at', s.last_at
        )
    from private.audit_seals as s
    where p_number is null or s.number = p_number
    order by s.number desc
    limit 1
);
comment on function private.get_audit_seal(bigint) is 'See public.get_audit_seal.';

create function public.get_audit_seal(p_number bigint default null) returns jsonb
language sql
set search_path = ''
return private.get_audit_seal(p_number);
comment on function public.get_audit_seal(bigint) is
'machinery: a seal of the audit log, the newest when none is named, or null.';

select private.set_function_class(f, 'internal')
from unnest(array[
    'private.cluster_id()', 'private.audit_seal_hash(private.audit_seals)',
    'private.add_audit_seal(private.audit_seals)', 'private.lock_audit_chain()',
    'private.next_audit_seal(bigint, xid8)'
]::regprocedure[]) as f;

select private.set_function_class(f, 'machinery')
from unnest(array[
    'private.seal_audit_log()', 'public.seal_audit_log()',
    'private.get_audit_seal(bigint)', 'public.get_audit_seal(bigint)'
]::regprocedure[]) as f;

select private.record_migration('20261124010200');
