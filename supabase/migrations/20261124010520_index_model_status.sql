-- The overview counts models by their standing: from a narrow index, not from the wide rows.
create index ml_models_by_status on public.ml_models (status, quarantined_at);

select private.record_migration('20261124010520');
