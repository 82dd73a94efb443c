-- What an assessment of training data measured beside its findings: shares of missing values, sizes
-- of classes, how old the newest label was.
alter table public.ml_training_data_quality
add column details jsonb not null default '{}',
add constraint ml_training_data_quality_details_are_an_object check (
    pg_catalog.jsonb_typeof(details) = 'object'
);
comment on column public.ml_training_data_quality.details is
'missing: the share of rows without a value, by feature; classes: the rows of each class; freshness: when the newest label became known, and how old it usually is at most.';
comment on constraint ml_training_data_quality_details_are_an_object
on public.ml_training_data_quality is
'details must be an object.';

create or replace function private.insert_quality(
    p_model_type text, p_job_id uuid, p_quality jsonb, p_as_of timestamptz
) returns void
language sql
set search_path = ''
as $$
    insert into public.ml_training_data_quality (
        model_type, training_job_id, score, row_count, missing_share, duplicate_rows, findings,
        details, as_of
    ) values (
        p_model_type, p_job_id, (p_quality ->> 'score')::double precision,
        (p_quality ->> 'rows')::integer, (p_quality ->> 'missing_share')::double precision,
        (p_quality ->> 'duplicate_rows')::integer, p_quality -> 'findings',
        coalesce(p_quality -> 'details', '{}'), p_as_of
    )
$$;

select private.record_migration('20261124160010');
