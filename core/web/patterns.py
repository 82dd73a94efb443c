"""The patterns of texts, and what is said about a text that does not fit one."""

from __future__ import annotations

from core.domain import DRY_RUN_GATES

# PostgreSQL's text cannot hold the character zero.
TEXT = r"^[^\x00]*$"
MORE_THAN_BLANKS = r"^[^\x00]*[^\s\x00][^\x00]*$"
WEB_ADDRESS = r"^[Hh][Tt][Tt][Pp][Ss]?://[^\s\x00]+$"
CURSOR = r"^[A-Za-z0-9_-]+$"
CRON = r"^\S+( \S+){4}$"
NAME = r"^[a-z][a-z0-9_]{0,62}$"
RELATION = r"^[^.\x00]{1,63}\.[^.\x00]{1,63}$"
GATE = rf"^({'|'.join(DRY_RUN_GATES)})$"
METRIC = (
    r"^(accuracy|f1|roc_auc|log_loss|r2|mae|rmse|mape"
    r"|[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_]*)$"
)
ENGINE = r"^([a-z_]+|[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_]*)$"

SENTENCES = {
    TEXT: "It must not hold the character NUL.",
    MORE_THAN_BLANKS: "It must hold more than blanks, and not the character NUL.",
    WEB_ADDRESS: "It must be an http or https address.",
    CURSOR: "It must be the next_cursor of a page.",
    CRON: "It must have five fields separated by single spaces, such as 0 */4 * * *.",
    NAME: "It must begin with a lower-case letter, and have at most 63 lower-case letters, "
    "digits and underscores.",
    RELATION: "It must be schema.name of a table or view.",
    GATE: f"It must be one of {', '.join(DRY_RUN_GATES)}; enough_rows and data_quality cannot be a "
    "dry run: what fails there already stops the training.",
    METRIC: "It must be accuracy, f1, roc_auc or log_loss, r2, mae, rmse or mape, or "
    "package.module:name of a metric of your own.",
    ENGINE: "It must be a built-in engine's name, or package.module:make_pipeline.",
}
