"""An element becomes like another one, and what a person has under their hands stays."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from functions.dashboard.static_files import STATIC

_MORPH = """
    ([script, wanted]) => {
        const morph = new Function(script + "; return morph")();
        const old = document.querySelector("div");
        document.getElementById("held").focus();
        const page = new DOMParser().parseFromString(wanted, "text/html");
        const next = page.querySelector("div");
        morph(old, next);
        return [document.activeElement.id, old.outerHTML, next.outerHTML];
    }
"""
_HELD = "<button id=held>{}</button>"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(f"<p id=a>A</p>\n<p id=b>{_HELD}</p>", f"<p id=b>{_HELD}</p>", id="gone"),
        pytest.param(f"<p>A</p>\n<p id=b>{_HELD}</p>", f"<p id=b>{_HELD}</p>", id="gone, unnamed"),
        pytest.param(f"<p id=b>{_HELD}</p>", f"<p id=c>new</p><p id=b>{_HELD}</p>", id="added"),
        pytest.param(f"<span id=q>a</span>{_HELD}", f"<b id=q>c</b>{_HELD}", id="another tag"),
        pytest.param(
            f"<form><input name=id value=1>{_HELD}</form><p>1</p>",
            f"<form><input name=id value=1>{_HELD}</form><p>2</p>",
            id="a field called id",
        ),
        pytest.param(
            f"<progress max=100 value=3></progress>{_HELD}",
            f"<progress max=100 value=50></progress>{_HELD}",
            id="a bar",
        ),
        pytest.param(
            f"<input type=hidden name=on value=false>{_HELD}<button value=1>1</button>",
            f"<input type=hidden name=on value=true>{_HELD}<button value=2>2</button>",
            id="what a form sends unseen",
        ),
        pytest.param(
            f"<select><option value=1>1</option></select>{_HELD}",
            f"<select><option value=2>2</option></select>{_HELD}",
            id="what may be chosen",
        ),
        pytest.param(
            f"<p id=a>1</p><p id=b>2</p><p id=c>{_HELD}</p>",
            f"<p id=b>2</p><p id=a>1</p><p id=c>{_HELD}</p>",
            id="another order",
        ),
    ],
)
def test_what_has_the_focus_keeps_it(browser: Browser, before: str, after: str) -> None:
    script = (Path(STATIC) / "morph.js").read_text().replace("export ", "")
    page = browser.new_page()
    page.set_content(f"<div>{before.format('x')}</div>")
    focused, now, wanted = page.evaluate(_MORPH, [script, f"<div>{after.format('y')}</div>"])
    page.close()
    assert focused == "held"
    assert now == wanted


def test_what_a_person_opened_and_typed_stays(browser: Browser) -> None:
    script = (Path(STATIC) / "morph.js").read_text().replace("export ", "")
    page = browser.new_page()
    html = "<div><details id=d><summary>more</summary>{}</details><input id=held value=old></div>"
    page.set_content(html.format("before"))
    page.locator("details").evaluate("element => element.open = true")
    page.locator("input").fill("typed")
    page.evaluate(_MORPH, [script, html.format("after")])
    assert page.locator("details").evaluate("element => element.open")
    assert "after" in page.locator("details").inner_text()
    assert page.locator("input").input_value() == "typed"
    page.close()
