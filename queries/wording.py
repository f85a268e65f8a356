"""Reasons as sentences: the type says which sentence, the path's nodes fill it.

    names = Names.of(store, recommendations)
    names.sentence(reason)      # 'Ada Example, who engaged with "Starter basics" as you did, engaged with this'

A path holds ids, which are unique only within their label; which label stands where follows from the type of the reason
and the length of the path.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from graphfeed.graph.store import GraphStore
from graphfeed.queries.answers import Interest, Person, Reason, Recommendation, SimilarPost

Explained = Recommendation | SimilarPost | Person | Interest

# By type and labels along the path (u: User, p: Post, e: Entity): the sentence. {1} is the name of the second node.
_SENTENCES: dict[str, dict[str, str]] = {
    "people_like_you": {
        "upup": "{2}, who engaged with {1} as you did, engaged with this",
        "pup": "{1} engaged with both",
        "upu": "you both engaged with {1}",
        "uuuu": "{2}, who like you follows {1}, follows them",
        "upupu": "{2}, who engaged with {1} as you did, engaged with their {3}",
        "upupe": "{2}, who engaged with {1} as you did, engaged with {3}, which is about this",
        "pp": "the same people engage with both",
        "ueue": "{2}, who cares about {1} as you do, cares about this",
    },
    "your_readers": {
        "upup": "{2}, who engaged with your {1}, engaged with this",
        "upu": "they engaged with your {1}",
    },
    "people_you_read": {
        "upup": "{2}, whose {1} you engaged with, engaged with this",
        "pp": "the author of one engages with the other",
    },
    "people_you_follow": {
        "uup": "{1}, whom you follow, engaged with this",
        "uue": "{1}, whom you follow, cares about this",
    },
    "friends_of_friends": {"uuu": "{1}, whom you follow, follows them"},
    "follows_you": {"uu": "they follow you"},
    "followed_author": {"uup": "it is by {1}, whom you follow"},
    "author": {
        "upup": "it is by {2}, whose {1} you engaged with",
        "pup": "both are by {1}",
        "upu": "they wrote {1}, which you engaged with",
        "pp": "both are by the same author",
    },
    "topic": {
        "upep": "it is about {2}, as is {1}, which you know",
        "pp": "both are about the same things",
        "upepu": "they wrote {3}, which is about {2}, as is {1}, which you know",
        "upe": "{1}, which you know, is about it",
        "upepe": "it goes with {2}, which {1} is about, which you know",
    },
    "interest": {
        "uep": "it is about {1}, which you care about",
        "ueu": "you both care about {1}",
    },
    "knowledge": {
        "upeep": "it is about {3}, which is related to {2}, as in {1}, which you engaged with",
        "peep": "it is about {2}, which is related to {1}",
        "uee": "it is related to {1}, which you care about",
        "pp": "they are about related things",
        "upee": "it is related to {2}, as in {1}, which you engaged with",
    },
    "linked": {
        "upp": "it is linked with {1}, which you engaged with",
        "uppp": "it is linked with {2}, as is {1}, which you engaged with",
        "upupp": "it is linked with {3}, which {2} engaged with, who engaged with {1} as you did",
        "pp": "the two are linked",
    },
    "next": {
        "upp": "people who engaged with {1}, as you did, went on to this",
        "uppp": "people who engaged with {1}, as you did, went on to {2}, and then to this",
        "pp": "people who engage with the one go on to the other",
    },
    "conversation": {
        "uppp": "it belongs to the conversation of {1}, which you wrote",
        "upp": "it belongs to the conversation of {1}, which you wrote",
        "pp": "they belong to one conversation",
        "ppp": "they belong to one conversation",
    },
    "similar_text": {
        "upp": "it reads like {1}, which you know",
        "upe": "it is close in meaning to {1}, which you know",
        "pp": "the two read alike",
    },
    "about_you": {
        "up": "it fits what you say about yourself",
        "uu": "what you say about yourselves is alike",
        "ue": "it fits what you say about yourself",
    },
}
# Reasons that no path explains: the path is what is recommended, alone.
_PATHLESS: dict[str, str] = {
    "taste": "it fits your taste overall (no single path)",
    "new": "it is new",
    "active": "there is activity on it just now",
    "popular": "it is popular just now",
    "unanswered": "nobody has replied to it yet",
}
_PATHLESS_OF_PEOPLE = {
    "taste": "they fit your taste overall (no single path)",
    "new": "they are new here",
    "active": "others turn to them just now",
    "popular": "many turn to them",
}
_LABELS = {"u": "User", "p": "Post", "e": "Entity"}
_ENDS = {Recommendation: "p", SimilarPost: "p", Person: "u", Interest: "e"}


@dataclass(frozen=True)
class Names:
    """How nodes are called, and the sentences made of that."""

    names: dict[tuple[str, str], str]
    """(label, id) → name."""

    @classmethod
    def of(cls, store: GraphStore, answers: Iterable[Explained]) -> Names:
        """Look up some answers and all nodes on their paths, in one query."""
        answers = list(answers)
        reasons = ((reason, _ENDS[type(answer)]) for answer in answers for reason in answer.reasons)
        return cls.read(store, reasons, [(answer.id, _ENDS[type(answer)]) for answer in answers])

    @classmethod
    def read(
        cls, store: GraphStore, reasons: Iterable[tuple[Reason, str]], others: Iterable[tuple[str, str]] = ()
    ) -> Names:
        """The same for reasons and the letter of what they recommend (u, p or e); ``others``: ids and letters."""
        wanted: dict[str, set[str]] = {"u": set(), "p": set(), "e": set()}
        for id_, letter in others:
            wanted[letter].add(id_)
        for reason, end in reasons:
            for letter, id_ in zip(shape_of(reason, end), reason.path, strict=False):
                wanted[letter].add(id_)
        lists = [sorted(wanted[letter]) or [""] for letter in "upe"]
        rows = store.run("names", users=lists[0], posts=lists[1], entities=lists[2])
        return cls({(row["label"], row["id"]): row["name"] for row in rows if row["name"]})

    def of_answer(self, answer: Explained) -> str | None:
        """How an answer is called: its name or title, else the beginning of its text."""
        return self.names.get((_LABELS[_ENDS[type(answer)]], answer.id))

    def sentence(self, reason: Reason, end: str = "p") -> str:
        """The reason in words, without its share; ``end`` is the letter of what is recommended."""
        if reason.type in _PATHLESS:
            words = _PATHLESS | _PATHLESS_OF_PEOPLE if end == "u" else _PATHLESS
            return words[reason.type]
        shape = shape_of(reason, end)
        if not shape:
            return f"{reason.type.replace('_', ' ')} ({' – '.join(reason.path)})"
        return _SENTENCES[reason.type][shape].format(
            *(self._name(letter, id_) for letter, id_ in zip(shape, reason.path, strict=True))
        )

    def sentences(self, answer: Explained) -> list[tuple[str, float | None]]:
        """All reasons of an answer in words, each with its share."""
        return self.told(answer.reasons, _ENDS[type(answer)])

    def told(self, reasons: Iterable[Reason], end: str = "p") -> list[tuple[str, float | None]]:
        """Reasons in words, strongest first. Paths that differ in what is left unsaid are one, with all their share."""
        shares: dict[str, float | None] = {}
        for reason in reasons:
            words = self.sentence(reason, end)
            before = shares.get(words)
            shares[words] = reason.share if before is None else before + (reason.share or 0.0)
        return sorted(shares.items(), key=lambda told: -(told[1] or 0.0))

    def _name(self, letter: str, id_: str) -> str:
        name = self.names.get((_LABELS[letter], id_))
        if letter == "p":
            return f"“{shorten(name or id_)}”"
        return shorten(name) if name else {"u": f"person {id_}", "e": id_}[letter]


def shorten(text: str, most: int = 60) -> str:
    """One line of at most so many characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def shape_of(reason: Reason, end: str) -> str:
    """Labels along the path as letters; empty when the type with this length is not known."""
    if reason.type in _PATHLESS and len(reason.path) == 1:
        return end
    shapes = _SENTENCES.get(reason.type, {})
    return next((s for s in shapes if len(s) == len(reason.path) and s.endswith(end)), "")
