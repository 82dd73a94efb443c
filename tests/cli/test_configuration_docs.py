"""What is made from the settings is up to date."""

from __future__ import annotations

from core.settings_docs import ROOT, configuration_page, env_example


def test_the_example_of_an_env_file_is_up_to_date() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")

    assert text == env_example(), "run: python -m core.settings_docs"
    assert "# REFIT_HOME=~/.local/share/refit" in text


def test_the_configuration_page_is_up_to_date() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")

    assert text == configuration_page(), "run: python -m core.settings_docs"
    assert "| `DATABASE_URL` | – | PostgreSQL address; workers always need it. Secret. |" in text
