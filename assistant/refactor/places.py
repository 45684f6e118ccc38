"""What a name may mean at a place in languages other than Python, as far as the grammar's tree tells.

text ─► Places ─► meaning(place) ─► "sure" · "short" for `{name}` · a reason to doubt; breaks() ─► whether it parses yet
"""

import re
from functools import cached_property
from typing import TYPE_CHECKING

from ossa.assistant.index.languages import grammar, language_of

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

_WORDS = (
    "abstract and any as assert async await base bool boolean break byte case catch chan char class const constructor "
    "continue debugger decimal def default defer delegate delete do double else elseif elsif end ensure enum event "
    "explicit export extends extern fallthrough false final finally fixed float fn for foreach from func function get "
    "global go goto guard if impl implements import in inline inout instanceof int interface internal into is lambda "
    "let local lock long loop map match mod module mut namespace native new next nil not null nullptr object operator "
    "or out override package params private protected protocol pub public range readonly ref register repeat rescue "
    "return sealed select self set short signed sizeof static struct super switch synchronized template then this "
    "throw throws trait transient true try type typedef typeof undef undefined union unless unsafe unsigned until use "
    "using val var virtual void volatile when where while with yield"
)
KEYWORDS = frozenset(_WORDS.split())
"""Words that one common language or another keeps for itself."""
_OWN = frozenset({"this", "self", "Self", "super", "base", "parent", "static"})
_BEFORE = re.compile(r"(?:([\w$]+)\s*)?(?<!\.)(?:\?\.|&\.|->|\.|::)\s*\Z")
_COLON = re.compile(r"(\w+):\Z")
_FIRST = re.compile(r"[({,]\s*\Z")
_KEYED = re.compile(r"\s*(:(?!:)|=(?![=>]))")
_FUNCTIONS = re.compile(r"function|method|lambda|closure|arrow|constructor|func_literal|catch|singleton")
_BLOCKS = re.compile(r"block|body|compound|chunk")
_STATEMENTS = (
    "variable_declarator var_spec const_spec variable_declaration property_declaration let_declaration val_definition "
    "short_var_declaration init_declarator declaration for_in_statement range_clause for_expression var_definition "
    "let_condition"
)
_LOCAL = frozenset(_STATEMENTS.split())
"""Statements that give a local name its meaning."""
_BOUND = ("name", "pattern", "left", "declarator")


class Places:
    """One file."""

    def __init__(self, path: str, text: str) -> None:
        self._path, self._text = path, text
        self._data = text.encode("utf-8", "replace")

    @cached_property
    def _tree(self) -> "Tree | None":
        from tree_sitter import Parser

        language = language_of(self._path, self._text)
        known = grammar(language) if language else None
        return Parser(known[0]).parse(self._data) if known else None

    def errors(self) -> int:
        """How many places the grammar cannot read."""
        waiting = [self._tree.root_node] if self._tree else []
        found = 0
        while waiting:
            node = waiting.pop()
            found += node.is_error or node.is_missing
            waiting += node.children if node.has_error else []
        return found

    def qualifier(self, at: int) -> str | None:
        """The word before the dot that a name stands behind, "" where that is more than a word; None: no dot."""
        text = self._text[max(at - 200, 0) : at]
        before = _BEFORE.search(text) or (_COLON.search(text) if self._path.endswith(".lua") else None)
        return None if before is None else before[1] or ""

    def is_own(self, at: int) -> bool:
        """Whether the name stands behind `this` or `self`."""
        return self.qualifier(at) in _OWN

    def is_within(self, at: int, cls: str) -> bool:
        """Whether a class, or what has its methods, of this name is around."""
        node = self._leaf(at, "")
        while node is not None:
            if re.search(r"class|struct|impl|trait|interface|module|object|enum|record", node.type):
                named = node.child_by_field_name("name") or node.child_by_field_name("type")
                if named is not None and named.text is not None and named.text.decode(errors="replace") == cls:
                    return True
            node = node.parent
        return False

    def meaning(self, at: int, name: str) -> str:
        """What the grammar says of a place: "", "short" for `{name}`, "a parameter", "a key", "a local name"."""
        node = self._leaf(at, name)
        if node is None or node.parent is None:
            return ""
        if node.type == "shorthand_property_identifier":
            return "short"
        parent = node.parent
        keyed = any(node in parent.children_by_field_name(field) for field in ("key", "field", "property"))
        if keyed or re.search(r"property_identifier$|field_identifier|symbol", node.type):
            return "a key"
        named = _KEYED.match(self._text, at + len(name)) and _FIRST.search(self._text[max(at - 200, 0) : at])
        return self._binding(node)[0] or ("a key" if named else "")

    def span(self, at: int, name: str) -> tuple[int, int] | None:
        """Where a parameter or local name hides all others, in characters."""
        node = self._leaf(at, name)
        what, scope = self._binding(node) if node else ("", None)
        if not what or scope is None:
            return None
        return self._chars(scope.start_byte), self._chars(scope.end_byte)

    def _binding(self, node: "Node") -> "tuple[str, Node | None]":
        """Whether a name is bound there, and the node in which it then means that."""
        what, child, above = "", node, node.parent
        while above is not None:
            if ("type" in child.type and "parameter" not in child.type) or child in above.children_by_field_name(
                "type"
            ):
                return "", None
            if "parameter" in above.type or child in above.children_by_field_name("parameter"):
                what = "a parameter"
                break
            if above.type in _LOCAL:
                if not any(child in above.children_by_field_name(field) for field in _BOUND):
                    return "", None
                what = "a local name"
                break
            if _FUNCTIONS.search(above.type) or _BLOCKS.search(above.type) or "argument" in above.type:
                return "", None
            child, above = above, above.parent
        kinds = (_FUNCTIONS,) if what == "a parameter" else (_FUNCTIONS, _BLOCKS)
        while above is not None and above.parent is not None:
            if "parameter" not in above.type and any(kind.search(above.type) for kind in kinds):
                break
            above = above.parent
        return what, above

    def _leaf(self, at: int, name: str) -> "Node | None":
        start = len(self._text[:at].encode("utf-8", "replace"))
        end = start + len(name.encode("utf-8", "replace"))
        return self._tree.root_node.descendant_for_byte_range(start, end) if self._tree else None

    def _chars(self, place: int) -> int:
        return len(self._data[:place].decode("utf-8", "ignore"))
