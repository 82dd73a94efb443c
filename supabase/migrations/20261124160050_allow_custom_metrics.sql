-- Metrics of the user's own are named by import path, as engines are; which of them may run is the
-- operator's to allow (REFIT_METRICS).
alter table public.ml_model_types
drop constraint ml_model_types_metric_fits_task,
add constraint ml_model_types_metric_fits_task check (
    (task = 'classification' and metric in ('accuracy', 'f1', 'roc_auc', 'log_loss'))
    or (task = 'regression' and metric in ('r2', 'mae', 'rmse', 'mape'))
    or metric ~ '^[A-Za-z_][\w.]*:[A-Za-z_]\w*$'
);
comment on constraint ml_model_types_metric_fits_task on public.ml_model_types is
'metric must fit the task: accuracy, f1, roc_auc or log_loss for classification; r2, mae, rmse or mape for regression; or package.module:name of one of your own.';

select private.record_migration('20261124160050');
