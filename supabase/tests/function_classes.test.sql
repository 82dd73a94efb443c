-- Each function's grants are those of the class that its comment names.
begin;
create extension if not exists pgtap;
select plan(4);

create temporary view function_grants as
select
    p.oid::regprocedure::text as name,
    pg_catalog.split_part(
        pg_catalog.split_part(pg_catalog.obj_description(p.oid, 'pg_proc'), ':', 1), ',', 1
    ) as class,
    pg_catalog.has_function_privilege('anon', p.oid, 'execute') as anon_may,
    pg_catalog.has_function_privilege('authenticated', p.oid, 'execute') as users_may,
    pg_catalog.has_function_privilege('service_role', p.oid, 'execute') as service_may,
    p.prosecdef as is_definer
from pg_catalog.pg_proc as p
where
    p.pronamespace = 'public'::regnamespace
    and pg_catalog.obj_description(p.oid, 'pg_proc') ~ '^(read|request|machinery)[,:]';

select is(
    (select count(*) from function_grants where anon_may), 0::bigint,
    'anon may call no function of Refit'
);
select is(
    (
        select pg_catalog.string_agg(g.name, ', ')
        from function_grants as g
        where not g.service_may or g.users_may <> (g.class in ('read', 'request'))
    ), null,
    'users may call reads and requests, the service role everything'
);
select is(
    (select count(*) from function_grants where is_definer), 0::bigint,
    'no public function has its owner''s rights'
);
select ok(
    (select count(*) from function_grants) > 40, 'there are functions of Refit'
);

select * from finish();
rollback;
