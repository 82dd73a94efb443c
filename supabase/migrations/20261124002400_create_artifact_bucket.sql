-- A private bucket for models, where Supabase Storage is.
do $$
begin
    if pg_catalog.to_regclass('storage.buckets') is null then
        raise notice 'No Supabase Storage here: set REFIT_ARTIFACTS_URL to a folder or an S3 bucket.';
    else
        execute $sql$
            insert into storage.buckets (id, name, public)
            values ('refit-artifacts', 'refit-artifacts', false)
            on conflict do nothing
        $sql$;
    end if;
end
$$;

notify pgrst, 'reload schema';

select private.record_migration('20261124002400');
