"""Sentences for generated posts: titles and bodies that read like a company's content team.

A post is put together from a topic's nouns and a bank of sentence patterns. Words carry no effect
of their own; what the audience reacts to is how long a text is and whether it asks something.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# topic → (hashtag, things that are written about, people who are written to)
_TOPICS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("product", ("the new editor", "our release notes", "the mobile app"), "product teams"),
    ("hiring", ("structured interviews", "onboarding week", "job adverts"), "hiring managers"),
    ("customers", ("customer calls", "support tickets", "the renewal survey"), "support teams"),
    ("design", ("the colour system", "empty states", "design reviews"), "designers"),
    ("analytics", ("weekly dashboards", "the funnel report", "event tracking"), "analysts"),
    ("remotework", ("quiet mornings", "written updates", "team retreats"), "remote teams"),
    ("climate", ("office energy", "train travel", "greener packaging"), "facility teams"),
    ("marketing", ("launch emails", "brand search", "the referral page"), "marketers"),
)
_STATEMENTS = (
    "We changed {thing} last month.",
    "Small steps, big difference.",
    "Here is what {people} told us about {thing}.",
    "It took three tries to get {thing} right, and the third one was the simplest.",
    "Most {people} start with a tool, and only later ask what problem it should solve.",
    "We measured {thing} for six weeks before we touched anything.",
    "The numbers were clear.",
    "Nobody expected {thing} to matter this much to {people}.",
    "Our advice to {people}: write the goal down first, then look again.",
    "One checklist replaced four meetings.",
    "A year ago, working on {thing} was what everybody put off until Friday.",
    "If you only change one thing this week, change how you talk about {thing}.",
    "Thank you to all the {people} who shared their work with us.",
    "The full story is shorter than you think.",
    "We kept what worked, dropped the rest, and wrote down why for the next person.",
    "Behind {thing} there is usually one person who quietly keeps it going.",
    "It is live today.",
    "Good habits around {thing} spread faster than any policy we ever wrote.",
)
_QUESTIONS = (
    "How do you handle {thing}?",
    "What would you change about {thing} first?",
    "Which part of {thing} costs your team the most time?",
    "Have you tried this with other {people}?",
    "Do you agree?",
)
_TITLES = (
    "What we learned from {thing}",
    "{thing}, one year later",
    "A short guide to {thing}",
    "Why {people} care about {thing}",
    "Five notes on {thing}",
    "Behind the scenes: {thing}",
)
_TITLE_QUESTIONS = (
    "Is {thing} worth the effort?",
    "What do {people} really want?",
    "Are we wrong about {thing}?",
)
_EMOJI = ("🚀", "🎉", "💡", "🌱", "📈", "🙌")
_WORDS_PER_SENTENCE = 12.0  # of _STATEMENTS and what surrounds them, about


@dataclass(frozen=True, kw_only=True)
class Brief:
    """What a set of n posts should look like; each array has shape (n,)."""

    words: NDArray[np.float64]  # wished length of the body, in words
    asks: NDArray[np.bool_]  # whether the post asks its readers something
    hashtags: NDArray[np.int64]
    emoji: NDArray[np.int64]


def _fill(patterns: Sequence[str]) -> list[list[str]]:
    """Every pattern with every thing of a topic: one list of sentences per topic."""
    bank = []
    for _, things, people in _TOPICS:
        sentences = [p.format(thing=thing, people=people) for p in patterns for thing in things]
        bank.append([s[0].upper() + s[1:] for s in dict.fromkeys(sentences)])
    return bank


def write_texts(rng: np.random.Generator, brief: Brief) -> tuple[list[str], list[str]]:
    """Write n titles and bodies.

    Parameters
    ----------
    rng : Generator
        Source of all choices.
    brief : Brief
        Lengths and ingredients of the n posts.

    Returns
    -------
    titles, bodies : list of n str
        A post contains a question mark if and only if it asks, and as many words that start with
        ``#`` as it has hashtags.

    Examples
    --------
    >>> brief = Brief(words=np.array([30.0]), asks=np.array([True]), hashtags=np.array([2]),
    ...     emoji=np.array([0]))
    >>> (title,), (body,) = write_texts(np.random.default_rng(0), brief)
    >>> "?" in title + body, body.count("#")
    (True, 2)
    """
    n = len(brief.words)
    topics = rng.integers(len(_TOPICS), size=n)
    counts = np.maximum(1, np.rint(brief.words / _WORDS_PER_SENTENCE)).astype(np.int64)
    picks = np.split(rng.random(int(counts.sum())), np.cumsum(counts)[:-1])
    # Per post: title, question in the title or in the body, question's words, first emoji.
    choices = rng.random((n, 4))
    statements, questions = _fill(_STATEMENTS), _fill(_QUESTIONS)
    titles, title_questions = _fill(_TITLES), _fill(_TITLE_QUESTIONS)
    written_titles, bodies = [], []
    for i, topic in enumerate(topics):
        title_choice, place, question_choice, emoji_choice = choices[i]
        in_title = bool(brief.asks[i]) and place < 0.3
        written_titles.append(_pick((title_questions if in_title else titles)[topic], title_choice))
        parts = [_pick(statements[topic], u) for u in picks[i]]
        if brief.asks[i] and not in_title:
            parts.append(_pick(questions[topic], question_choice))
        first = int(emoji_choice * len(_EMOJI))
        parts += [_EMOJI[(first + k) % len(_EMOJI)] for k in range(int(brief.emoji[i]))]
        parts += ["#" + _TOPICS[(topic + k) % len(_TOPICS)][0] for k in range(brief.hashtags[i])]
        bodies.append(" ".join(parts))
    return written_titles, bodies


def _pick(sentences: list[str], u: float) -> str:
    """The sentence at the place u ∈ [0, 1) of the list."""
    return sentences[int(u * len(sentences))]
