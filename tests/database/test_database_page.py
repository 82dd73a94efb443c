"""docs/database.md says what the database is: it can't go stale."""

from __future__ import annotations

import re

import pytest

from core.domain import JobStatus
from tests.database.database_page import PAGE, written_anew
from tests.database.factories import Owner


def test_the_page_lists_what_the_catalogue_has(catalogue: Owner) -> None:
    page = PAGE.read_text()

    assert written_anew(page, catalogue) == page, "python -m tests.database.database_page"


def test_the_page_names_every_state_of_a_job() -> None:
    diagram = PAGE.read_text().split("## States")[1].split("\n## ")[0]

    assert {s for s in JobStatus if re.search(rf"\b{s}\b", diagram)} == set(JobStatus)


def test_a_page_that_lacks_a_list_is_refused(catalogue: Owner) -> None:
    with pytest.raises(ValueError, match="The page has lists named"):
        written_anew("# Database", catalogue)
