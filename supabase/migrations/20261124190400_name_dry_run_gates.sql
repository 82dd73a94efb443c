-- What enough_rows and data_quality find stops a training before any gate, so that a dry run of them
-- would hold back all the same; and a gate that there is not fails every training. Both are refused
-- where they are asked for.
update public.ml_model_types as t
set
    dry_run_gates = array(
        select g.name
        from pg_catalog.unnest(t.dry_run_gates) as g (name)
        where g.name in (
            'beats_baseline', 'artifact_reproduces', 'latency', 'size', 'better_than_champion',
            'calibration', 'slices'
        )
    )
where
    not t.dry_run_gates <@ array[
        'beats_baseline', 'artifact_reproduces', 'latency', 'size', 'better_than_champion',
        'calibration', 'slices'
    ];

alter table public.ml_model_types
drop constraint ml_model_types_dry_run_gates_are_named,
add constraint ml_model_types_dry_run_gates_are_known check (
    pg_catalog.cardinality(dry_run_gates) <= 100
    and dry_run_gates <@ array[
        'beats_baseline', 'artifact_reproduces', 'latency', 'size', 'better_than_champion',
        'calibration', 'slices'
    ]
);
comment on constraint ml_model_types_dry_run_gates_are_known on public.ml_model_types is
'dry_run_gates must be of beats_baseline, artifact_reproduces, latency, size, better_than_champion, calibration and slices; enough_rows and data_quality cannot be a dry run: what fails there already stops the training.';

select private.record_migration('20261124190400');
