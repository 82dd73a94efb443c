"""The pages as a reader has them: blocks, headings, links, and code in the text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_FENCE = re.compile(r"^( *)(```+)([^\n`]*)$")


@dataclass(frozen=True, kw_only=True)
class Block:
    """A fenced block; ``kind`` is what stands after the fence, ``before`` the paragraph above."""

    page: str
    line: int
    kind: str
    text: str
    before: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True, kw_only=True)
class Page:
    """A Markdown file; ``name`` is its path from the root."""

    name: str
    lines: tuple[str, ...]

    @classmethod
    def read(cls, path: Path) -> Page:
        text = path.read_text(encoding="utf-8")
        return cls(name=path.relative_to(ROOT).as_posix(), lines=tuple(text.splitlines()))

    @cached_property
    def _parts(self) -> tuple[list[Block], list[str]]:
        """Blocks, and the lines outside of them."""
        blocks: list[Block] = []
        prose: list[str] = []
        lines = iter(enumerate(self.lines, 1))
        for number, line in lines:
            fence = _FENCE.match(line)
            if fence is None:
                prose.append(line)
                continue
            indent, marks, kind = fence.groups()
            inside = []
            for _, inner in lines:
                if inner.strip() == marks:
                    break
                inside.append(inner.removeprefix(indent))
            text = "\n".join(inside) + "\n"
            before = _last_paragraph(prose)
            blocks.append(
                Block(page=self.name, line=number, kind=kind.strip(), text=text, before=before)
            )
            prose.append("")
        return blocks, prose

    @property
    def blocks(self) -> list[Block]:
        return self._parts[0]

    @property
    def prose(self) -> str:
        return "\n".join(self._parts[1])

    @property
    def anchors(self) -> set[str]:
        """What `#…` may name: headings as GitHub makes anchors of them."""
        found: set[str] = set()
        for heading in re.findall(r"^#{1,6} +(.+?) *#*$", self.prose, flags=re.MULTILINE):
            base = anchor = _anchor(heading)
            number = 0
            while anchor in found:
                number += 1
                anchor = f"{base}-{number}"
            found.add(anchor)
        return found

    @property
    def links(self) -> list[str]:
        """Targets of links and images, inside this repository."""
        text = re.sub(r"`[^`\n]+`", "", self.prose)
        targets = re.findall(r"\]\(<?([^)\s>]+)>?(?: \"[^\"]*\")?\)", text)
        return [target for target in targets if not re.match(r"[a-z]+:", target)]

    @property
    def code(self) -> list[str]:
        """What stands between backticks in the text."""
        found = re.findall(r"(?<!`)`([^`]+)`(?!`)", self.prose)
        return [" ".join(piece.split()) for piece in found]


def _anchor(heading: str) -> str:
    text = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def _last_paragraph(prose: list[str]) -> str:
    text = "\n".join(prose).strip()
    return " ".join(re.split(r"\n\s*\n", text)[-1].split())


def read_pages() -> Iterator[Page]:
    """README and everything below docs."""
    yield Page.read(ROOT / "README.md")
    for path in sorted((ROOT / "docs").rglob("*.md")):
        yield Page.read(path)
