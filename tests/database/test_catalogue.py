"""What must be true of every table and function, asked of the catalogue itself.

Each test runs twice: on plain Postgres, and where Supabase's default privileges were in force.
"""

from __future__ import annotations

import pytest

from tests.database.factories import Owner, Row

API_ROLES = ("anon", "authenticated", "service_role")
CLASSES = {
    "read": {"authenticated", "service_role"},
    "request": {"authenticated", "service_role"},
    "machinery": {"service_role"},
}
# Tables that an API role may read: users through their policies, everything else is closed.
READABLE = {
    "ml_alerts",
    "ml_model_deployments",
    "ml_model_types",
    "ml_model_validations",
    "ml_models",
    "ml_notification_deliveries",
    "ml_notifications",
    "ml_operations",
    "ml_performance_metrics",
    "ml_retraining_schedules",
    "ml_training_data_quality",
    "ml_training_jobs",
    "workflow_audit_logs",
    "backtest_reports",
    "daily_performance",
    "drift_windows",
    "job_log_lines",
    "job_stages",
    "joined_requests",
    "workers",
}
WEBHOOKS = "ml_webhook_deliveries"


def names(rows: list[Row]) -> list[str]:
    return [r["name"] for r in rows]


def query(catalogue: Owner, statement: str, *values: object) -> list[Row]:
    return catalogue.execute(statement, values).fetchall()


# Functions ----------------------------------------------------------------------------------


def functions(catalogue: Owner) -> list[Row]:
    return query(
        catalogue,
        """
        select p.oid::regprocedure::text as name, n.nspname as schema, p.proname,
            p.prosecdef as definer, p.proconfig as settings, pg_get_userbyid(p.proowner) as owner,
            obj_description(p.oid, 'pg_proc') as comment,
            array(
                select r.rolname::text from pg_roles as r
                where r.rolname = any(%s) and has_function_privilege(r.oid, p.oid, 'execute')
            ) as callers,
            exists (
                select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
                where a.grantee = 0
            ) as is_public
        from pg_proc as p
        join pg_namespace as n on n.oid = p.pronamespace
        where n.nspname in ('public', 'private')
        order by 1
        """,
        list(API_ROLES),
    )


def test_every_public_function_is_in_the_class_that_its_comment_names(catalogue: Owner) -> None:
    public = [f for f in functions(catalogue) if f["schema"] == "public"]
    assert len(public) > 40

    for function in public:
        word = function["comment"].replace(":", ",").split(",")[0]
        assert set(function["callers"]) == CLASSES[word], function["name"]


def test_every_function_has_a_comment_and_a_search_path(catalogue: Owner) -> None:
    for function in functions(catalogue):
        assert function["comment"], function["name"]
        assert function["settings"] == ['search_path=""'], function["name"]


def test_only_private_functions_have_their_owners_rights(catalogue: Owner) -> None:
    definers = [f for f in functions(catalogue) if f["definer"]]

    assert definers
    assert {f["schema"] for f in definers} == {"private"}
    assert {f["owner"] for f in definers} == {"postgres"}


def test_no_function_is_open_to_everybody_or_to_anon(catalogue: Owner) -> None:
    for function in functions(catalogue):
        assert not function["is_public"], function["name"]
        assert "anon" not in function["callers"], function["name"]


def test_a_private_twin_is_open_to_the_same_callers(catalogue: Owner) -> None:
    found = functions(catalogue)
    private = {f["proname"]: f for f in found if f["schema"] == "private" and f["definer"]}
    public = {f["proname"]: f for f in found if f["schema"] == "public"}
    twins = private.keys() & public.keys()
    assert len(twins) > 25

    for name in twins:
        assert private[name]["callers"] == public[name]["callers"], name
    # Definer functions without a twin are called by triggers and by other definers alone.
    for name in private.keys() - public.keys():
        assert private[name]["callers"] == [], name


def test_internal_functions_are_open_to_no_api_role(catalogue: Owner) -> None:
    callers = {f["proname"]: f["callers"] for f in functions(catalogue)}

    for name in ("deploy_model", "check_deployable", "write_audit", "act_as_worker"):
        assert callers[name] == [], name


# Tables -------------------------------------------------------------------------------------


def tables(catalogue: Owner) -> list[Row]:
    return query(
        catalogue,
        """
        select c.oid, c.oid::regclass::text as name, c.relname, n.nspname as schema,
            c.relrowsecurity as secured, c.relispartition as is_partition,
            obj_description(c.oid, 'pg_class') as comment,
            (select count(*) from pg_policy as p where p.polrelid = c.oid) as policies,
            exists (select from pg_index as i where i.indrelid = c.oid and i.indisprimary) as keyed
        from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
        where n.nspname in ('public', 'private') and c.relkind in ('r', 'p')
        order by 1
        """,
    )


def test_every_table_has_a_comment_a_key_and_row_level_security(catalogue: Owner) -> None:
    found = tables(catalogue)
    assert len(found) > 30

    for table in found:
        assert table["comment"], table["name"]
        assert table["keyed"], table["name"]
        assert table["secured"], table["name"]
        assert table["policies"] >= 1, table["name"]


def test_partitions_are_in_private_and_cover_the_months_ahead(catalogue: Owner) -> None:
    for parent in ("ml_performance_metrics", "workflow_audit_logs"):
        rows = query(
            catalogue,
            "select c.relnamespace::regnamespace::text as name from pg_inherits as i "
            "join pg_class as c on c.oid = i.inhrelid where i.inhparent = %s::regclass",
            parent,
        )
        assert names(rows) == ["private"] * 7


@pytest.mark.parametrize("role", API_ROLES)
def test_each_role_can_do_to_each_table_what_it_should(catalogue: Owner, role: str) -> None:
    privileges = ("select", "insert", "update", "delete", "truncate", "references", "trigger")
    for table in tables(catalogue):
        held = query(
            catalogue,
            "select p.name from unnest(%s::text[]) as p (name) "
            "where has_table_privilege(%s, %s, p.name)",
            list(privileges),
            role,
            table["oid"],
        )
        readable = table["relname"] in READABLE and role != "anon"
        assert names(held) == (["select"] if readable else []), table["name"]


def test_only_the_address_of_a_callback_is_hidden_from_its_readers(catalogue: Owner) -> None:
    columns = query(
        catalogue,
        "select a.attname as name, has_column_privilege('authenticated', %(t)s::regclass, "
        "a.attname, 'select') as users, has_column_privilege('anon', %(t)s::regclass, a.attname, "
        "'select') as anon, has_column_privilege('service_role', %(t)s::regclass, a.attname, "
        "'select') as service from pg_attribute as a "
        "where a.attrelid = %(t)s::regclass and a.attnum > 0".replace("%(t)s", f"'{WEBHOOKS}'"),
    )

    assert {c["name"] for c in columns if not c["users"]} == {"url"}
    assert {c["name"] for c in columns if not c["service"]} == {"url"}
    assert not any(c["anon"] for c in columns)


def test_no_role_but_users_and_the_service_may_enter_private(catalogue: Owner) -> None:
    rows = query(
        catalogue,
        "select r.rolname::text as name from pg_roles as r where r.rolname = any(%s) "
        "and has_schema_privilege(r.oid, 'private', 'usage')",
        [*API_ROLES, "refit_reader"],
    )
    creators = query(
        catalogue,
        "select r.rolname::text as name from pg_roles as r where r.rolname = any(%s) "
        "and has_schema_privilege(r.oid, 'private', 'create')",
        [*API_ROLES, "refit_reader"],
    )

    assert set(names(rows)) == {"authenticated", "service_role"}
    assert creators == []


def test_refit_reader_can_do_nothing_that_it_was_not_granted(catalogue: Owner) -> None:
    for table in tables(catalogue):
        rows = query(
            catalogue,
            "select has_table_privilege('refit_reader', %s::oid, 'select') as may",
            table["oid"],
        )
        assert rows == [{"may": False}], table["name"]


def test_one_permissive_policy_per_command_and_none_that_writes(catalogue: Owner) -> None:
    policies = query(
        catalogue,
        "select polrelid::regclass::text as name, polcmd::text as command, polpermissive as open, "
        "polroles::regrole[]::text[] as roles from pg_policy "
        "where polrelid in (select oid from pg_class where relnamespace in "
        "('public'::regnamespace, 'private'::regnamespace))",
    )

    assert len(names(policies)) == len(set(names(policies)))
    for policy in policies:
        assert (policy["command"], policy["open"]) == ("r", True), policy["name"]
        assert policy["roles"] == ["authenticated"], policy["name"]


# Constraints and indexes --------------------------------------------------------------------


def test_every_foreign_key_is_indexed(catalogue: Owner) -> None:
    bare = query(
        catalogue,
        """
        select c.conrelid::regclass::text || '.' || c.conname as name
        from pg_constraint as c
        where c.contype = 'f'
            and c.connamespace in ('public'::regnamespace, 'private'::regnamespace)
            and not exists (
                select from pg_index as i
                where i.indrelid = c.conrelid and i.indpred is null
                    and (i.indkey::smallint[])[0:cardinality(c.conkey) - 1] @> c.conkey
            )
        """,
    )

    assert names(bare) == []


SORTED_BY = {
    "ml_training_jobs": "created_at DESC, id DESC",
    "ml_models": "created_at DESC, id DESC",
    "ml_operations": "created_at DESC, id DESC",
    "ml_model_deployments": "created_at DESC, id DESC",
    "ml_model_validations": "created_at DESC, id DESC",
    "ml_alerts": "created_at DESC, id DESC",
    "ml_webhook_deliveries": "created_at DESC, id DESC",
    "ml_notifications": "first_at DESC, id DESC",
    "ml_performance_metrics": "recorded_at, id",
    "workflow_audit_logs": "created_at, id",
}


def test_what_lists_sort_by_is_indexed(catalogue: Owner) -> None:
    for table, columns in SORTED_BY.items():
        rows = query(
            catalogue,
            "select pg_get_indexdef(indexrelid) as name from pg_index "
            "where indrelid = %s::regclass and indpred is null",
            table,
        )
        assert any(n.endswith(f"({columns})") for n in names(rows)), table


def test_no_index_repeats_another(catalogue: Owner) -> None:
    twice = query(
        catalogue,
        "select min(indexrelid::regclass::text) as name from pg_index "
        "where indrelid in (select oid from pg_class where relnamespace in "
        "('public'::regnamespace, 'private'::regnamespace)) "
        "group by indrelid, indkey::text, indoption::text, pg_get_expr(indpred, indrelid) "
        "having count(*) > 1",
    )

    assert names(twice) == []


def test_every_rule_has_a_name_of_its_own(catalogue: Owner) -> None:
    # PostgreSQL's own names say the column, never what is wrong.
    unnamed = query(
        catalogue,
        "select conrelid::regclass::text || '.' || conname as name from pg_constraint "
        "where contype = 'c' and connamespace in ('public'::regnamespace, 'private'::regnamespace)"
        " and conname ~ '_check\\d*$'",
    )

    assert names(unnamed) == []


def test_no_rule_waits_for_the_commit(catalogue: Owner) -> None:
    # There it would have no name any more: a call's transaction ends with its last statement.
    deferred = query(
        catalogue, "select conname as name from pg_constraint where condeferrable order by 1"
    )

    assert names(deferred) == []


def test_every_type_of_ours_has_a_comment(catalogue: Owner) -> None:
    bare = query(
        catalogue,
        "select typname as name from pg_type where typtype = 'e' "
        "and typnamespace = 'public'::regnamespace and obj_description(oid, 'pg_type') is null",
    )

    assert names(bare) == []
