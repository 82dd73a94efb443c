-- A bucket of the sequential test now keeps what it does to each bet, not the sum of its losses. What the
-- tests have counted so far can't be translated: they begin again with the labels since the deployment.
delete from private.detector_state;

select private.record_migration('20261124190300');
