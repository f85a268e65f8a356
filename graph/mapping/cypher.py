"""graphfeed's Cypher, written in role names, turned into the names of a graph that is there.

    mapped = CypherMapping(mapping)
    mapped.rewrite("MATCH (u:User {id: $user})-[:LIKED]->(p:Post) RETURN p.id AS id")
    # MATCH (u:`Customer` {`no`: toInteger($user)})-[:`RATED`]->(p:`Movie`) RETURN p.`title` AS id

Rewritten are labels and types that are roles, and properties of variables bound to them, in the order of the
text: ``(v:Label {id: …})``, ``-[r:A|B]->``, ``v.property``, and label tests after WHERE and the like. Names that are no
role's (Generation, RECOMMENDED, text_vector, …) stay, and so does everything in strings, comments and parameters. It
knows the Cypher that graphfeed is written in, and refuses what it cannot turn; a user's own queries never come here.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphfeed.errors import QueryError
from graphfeed.graph.mapping import names
from graphfeed.graph.mapping.roles import GraphMapping, NodeEntry, RelationshipEntry
from graphfeed.graph.mapping.tokens import tokens_of
from graphfeed.loaders.records import NODE_TYPES, RELATIONSHIP_TYPES

_BEFORE_TEST = {"WHERE", "AND", "OR", "XOR", "NOT", "WHEN"}
_NODE_NAMES = {label: {"id", *node.properties} for label, node in NODE_TYPES.items()}
_OPEN, _CLOSE = frozenset("([{"), frozenset(")]}")

Played = tuple[str, RelationshipEntry]


class CypherMapping:
    """Rewrites texts for one mapping; each once."""

    def __init__(self, mapping: GraphMapping) -> None:
        self.mapping = mapping
        self._known: dict[str, str] = {}

    def rewrite(self, text: str) -> str:
        """A text of graphfeed's in the user's names. Raises QueryError for one that it cannot turn."""
        if text not in self._known:
            self._known[text] = _Rewriting(self.mapping, text).result()
        return self._known[text]

    def labels(self, role: str) -> list[str]:
        """The labels that play a role."""
        return [entry.label for entry in self.mapping.nodes.get(role, ())]


class _Rewriting:
    """One text under way. Positions count the tokens that say something."""

    def __init__(self, mapping: GraphMapping, text: str) -> None:
        self._mapping, self._text = mapping, text
        self._tokens = tokens_of(text)
        self._out = [token.text for token in self._tokens]
        self._at = [i for i, token in enumerate(self._tokens) if not token.silent]
        self._nodes: dict[str, str | None] = {}
        """Variables by the role that they are bound to; None: to something of graphfeed's own."""
        self._played: dict[str, list[str]] = {}
        """Variables by the relationship roles of the pattern that they are bound in."""
        self._fresh = 0

    def result(self) -> str:
        self._walk(0, len(self._at))
        return "".join(self._out)

    def _walk(self, start: int, end: int) -> None:
        i = start
        while i < end:
            if self._symbol(i) == "(":
                i = self._node(i)
            elif self._symbol(i) == "[" and self._symbol(i - 1) == "-":
                i = self._relationship(i)
            elif self._name(i) and self._symbol(i + 1) == "." and self._name(i + 2) and self._symbol(i - 1) != ".":
                self._property(i)
                i += 3
            elif self._name(i) and self._symbol(i + 1) == ":" and self._word(i - 1) in _BEFORE_TEST:
                i = self._labels(i + 2, str(self._name(i)))
            else:
                i += 1

    # Nodes

    def _node(self, i: int) -> int:
        """What follows ``(``; where it is no node, only that sign is passed over."""
        variable, k = self._variable(i + 1)
        if self._symbol(k) == ":":
            k = self._labels(k + 1, variable)
            role = self._nodes[variable or ""]
        elif variable and self._symbol(k) == "{" and variable in self._nodes:
            role = self._nodes[variable]
        else:
            return i + 1
        if self._symbol(k) != "{" or role is None or not self._mapping.nodes.get(role):
            return k
        return self._keys(i, variable, k, self._mapping.nodes[role])

    def _labels(self, i: int, variable: str | None) -> int:
        """A label or ``A|B`` at ``i``; binds the variable (an anonymous one under ``""``)."""
        found, k = self._alternatives(i)
        roles = [label for label in found if label in NODE_TYPES]
        self._nodes[variable or ""] = roles[0] if len(found) == 1 and roles else None
        self._played.pop(variable or "", None)
        if roles:
            if self._symbol(k) in ("&", "!", ":"):
                raise self._cannot("a label beside a role")
            entries = [entry for label in roles for entry in self._mapping.nodes.get(label, ())]
            others = [label for label in found if label not in NODE_TYPES]
            self._replace(i, k, _alternated([*(entry.label for entry in entries), *others], roles))
        return k

    def _keys(self, i: int, variable: str | None, k: int, entries: Sequence[NodeEntry]) -> int:
        """``{id: value}`` at ``k`` of a node pattern that begins at ``i``."""
        end = self._matching(k)
        if self._name(k + 1) != "id" or self._symbol(k + 2) != ":" or self._has_comma(k + 3, end):
            raise self._cannot("a node pattern with other keys than id")
        self._walk(k + 3, end)
        given = self._rendered(k + 3, end).strip()
        key = entries[0].id
        if names.same_key(entries):
            value = names.key_value(given, key)
            if key.property != "id":
                self._replace(k + 1, k + 2, names.quote(key.property))
            if value != given:
                self._replace(k + 3, end, value)
            return end + 1
        if self._word(end + 1) == "WHERE":
            raise self._cannot("a key beside a WHERE of the same pattern")
        named = self._shown(i + 1) if variable else self._invent(i)
        self._replace(k, end + 1, f"WHERE {names.lookup(named, given, entries)}")
        return end + 1

    # Relationships

    def _relationship(self, i: int) -> int:
        """A relationship pattern whose ``[`` stands at ``i``."""
        variable, k = self._variable(i + 1)
        if self._symbol(k) != ":":
            return i + 1
        found, after = self._alternatives(k + 1)
        roles = [type_ for type_ in found if type_ in RELATIONSHIP_TYPES]
        others = [type_ for type_ in found if type_ not in RELATIONSHIP_TYPES]
        if variable:
            self._played[variable] = roles
            self._nodes[variable] = None
        if not roles:
            return after
        played = [(role, entry) for role in roles for entry in self._mapping.relationships.get(role, ())]
        if self._symbol(after) != "]":
            raise self._cannot("a length, keys or a condition in the pattern of a relationship that has a role")
        self._replace(k + 1, after, _alternated([*(entry.type for _, entry in played), *others], roles))
        entries = [entry for _, entry in played]
        if names.chosen("", entries, others):
            named = self._shown(i + 1) if variable else self._invent(i)
            self._out[self._at[after]] = f" WHERE {names.chosen(named, entries, others)}]"
        self._turn(i, after, played, others)
        return after + 1

    def _turn(self, i: int, end: int, played: Sequence[Played], others: Sequence[str]) -> None:
        """Let the arrow of the pattern ``i`` to ``end`` point as the user's relationships do."""
        left, right = self._symbol(i - 2) == "<", self._symbol(end + 2) == ">"
        if left == right or not any(entry.reversed for _, entry in played):
            return
        unbound = self._symbol(i - 2 - left) == ")" == self._symbol(end + 3 + right)
        unbound = unbound and self._symbol(i - 3 - left) == "(" == self._symbol(end + 2 + right)
        if unbound:
            return  # ()-[r:TYPE]->(): any direction says the same, and none would count twice
        both = others or not all(entry.reversed for _, entry in played)
        if others:
            raise self._cannot("a pattern of predicted and reversed relationships")
        # Between alike nodes the mapping allows one direction; between others the labels at the ends say which it is.
        if left:
            self._replace(i - 2, i - 1, "")
            self._replace(end + 1, end + 2, "-" if both else "->")
        else:
            self._replace(end + 2, end + 3, "")
            self._replace(i - 1, i, "-" if both else "<-")

    # Properties

    def _property(self, i: int) -> None:
        variable, name = str(self._name(i)), str(self._name(i + 2))
        shown = self._shown(i)
        role = self._nodes.get(variable)
        if variable in self._played:
            roles = [r for r in self._played[variable] if name in RELATIONSHIP_TYPES[r].properties]
            if not roles:
                return
            entries = [(r, e) for r in self._played[variable] for e in self._mapping.relationships.get(r, ())]
            value = names.relationship_value(shown, name, entries)
        elif role is not None and name in _NODE_NAMES[role]:
            value = names.node_value(shown, role, name, self._mapping.nodes.get(role, ()))
        else:
            return
        self._replace(i, i + 3, value)

    # Tokens

    def _name(self, i: int) -> str | None:
        return self._tokens[self._at[i]].name if 0 <= i < len(self._at) else None

    def _symbol(self, i: int) -> str:
        if not 0 <= i < len(self._at):
            return ""
        token = self._tokens[self._at[i]]
        return token.text if token.kind == "symbol" else ""

    def _word(self, i: int) -> str:
        return (self._name(i) or "").upper()

    def _variable(self, i: int) -> tuple[str | None, int]:
        name = self._name(i)
        return (name, i + 1) if name is not None else (None, i)

    def _alternatives(self, i: int) -> tuple[list[str], int]:
        """The names of ``A|B|:C`` at ``i``, and where they end."""
        found: list[str] = []
        while (name := self._name(i)) is not None:
            found.append(name)
            i += 1
            if self._symbol(i) != "|":
                break
            i += 2 if self._symbol(i + 1) == ":" else 1
        if not found:
            raise self._cannot("a label or type that is no name")
        return found, i

    def _shown(self, i: int) -> str:
        return self._tokens[self._at[i]].text

    def _matching(self, i: int) -> int:
        depth = 0
        for k in range(i, len(self._at)):
            depth += (self._symbol(k) in _OPEN) - (self._symbol(k) in _CLOSE)
            if not depth:
                return k
        raise self._cannot("a bracket that is not closed")

    def _has_comma(self, start: int, end: int) -> bool:
        depth = 0
        for k in range(start, end):
            depth += (self._symbol(k) in _OPEN) - (self._symbol(k) in _CLOSE)
            if self._symbol(k) == "," and not depth:
                return True
        return False

    def _invent(self, i: int) -> str:
        """Name the anonymous pattern that begins at ``i``."""
        self._fresh += 1
        name = f"gf_{self._fresh}"
        self._out[self._at[i]] += name
        return name

    def _rendered(self, start: int, end: int) -> str:
        return "".join(self._out[self._at[start] : self._at[end]])

    def _replace(self, start: int, end: int, text: str) -> None:
        """Put a text in the place of tokens, unless it says the same."""
        first, last = self._at[start], self._at[end - 1]
        if text.replace("`", "") == "".join("".join(self._out[first : last + 1]).split()).replace("`", ""):
            return
        self._out[first] = text
        self._out[first + 1 : last + 1] = [""] * (last - first)

    def _cannot(self, what: str) -> QueryError:
        return QueryError(f"a query cannot be turned into the names of [graph]: {what}, in: {self._text}")


def _alternated(wanted: Sequence[str], roles: Sequence[str]) -> str:
    """``A|B``; where nothing plays the roles, a name that nothing has."""
    return "|".join(map(names.quote, dict.fromkeys(wanted))) if wanted else names.absent(roles[0])
