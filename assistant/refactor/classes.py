"""Classes of the repository: who inherits from whom, and which class an expression is an instance of.

Class.method ─► family(): all classes that share the method · (expression, scope) ─► instance() ─► Entity, OUTSIDE, None
"""

import ast
import builtins

from ossa.assistant.refactor.modules import OUTSIDE, Entity, Meaning, Modules
from ossa.assistant.refactor.scopes import Binding, Function, Scope

_DEEP = 6
"""Steps from a value to its class."""
_DATA = (ast.Constant, ast.JoinedStr, ast.List, ast.Dict, ast.Set, ast.Tuple, ast.ListComp, ast.SetComp, ast.DictComp)
_WRAPPERS = frozenset({"Optional", "Final", "ClassVar", "Annotated", "Union", "Generator", "Iterator", "Type", "type"})
_MAPPINGS = frozenset(
    {"dict", "Dict", "Mapping", "MutableMapping", "defaultdict", "DefaultDict", "OrderedDict", "WeakValueDictionary"}
)
_LISTS = frozenset({"list", "List", "Sequence", "MutableSequence", "deque", "Deque"})
_CONTAINERS = _MAPPINGS | _LISTS
"""Types of which the last parameter is what stands behind `[…]`, …"""
_COLLECTIONS = _LISTS | {"set", "Set", "frozenset", "FrozenSet", "AbstractSet", "Collection", "Iterable", "Iterator"}
"""… and is what a loop gives."""
_PLAIN = frozenset(
    {"object", "ABC", "Generic", "Protocol", "NamedTuple", "TypedDict", "Enum", "Exception", "BaseException"}
)
"""Bases that bring no methods of a person's own naming."""


class Classes:
    """What is known of the repository's classes."""

    def __init__(self, modules: Modules) -> None:
        self._modules = modules
        self._bases: dict[Entity, tuple[list[Entity], list[str]]] = {}
        self._heirs: dict[Entity, list[Entity]] = {}

    def bases(self, cls: Entity) -> tuple[list[Entity], list[str]]:
        """The classes of the repository that it inherits from, and those from elsewhere, as they are written."""
        if cls not in self._bases:
            own: list[Entity] = []
            others: list[str] = []
            node, scope = self._node(cls)
            for base in node.bases if node else ():
                plain = base.value if isinstance(base, ast.Subscript) else base
                meaning = scope and self._modules.meaning(plain, cls.path, scope)
                if isinstance(meaning, Entity) and self._node(meaning)[0]:
                    own.append(meaning)
                elif ast.unparse(plain).rpartition(".")[2] not in _PLAIN:
                    others.append(ast.unparse(plain))
            self._bases[cls] = (own, others)
        return self._bases[cls]

    def ancestors(self, cls: Entity) -> list[Entity]:
        """The class and all that it inherits from, in the repository."""
        found = [cls]
        for one in found:
            found += [base for base in self.bases(one)[0] if base not in found]
        return found

    def family(self, cls: Entity, member: str) -> set[Entity]:
        """The classes in which `member` has to keep one name: those that define it on one line of inheritance."""
        found: set[Entity] = set()
        waiting = [cls]
        while waiting:
            one = waiting.pop()
            if one in found:
                continue
            found.add(one)
            waiting += [base for base in self.ancestors(one) if self.defines(base, member)]
            waiting += self.heirs(one)
        return found

    def defines(self, cls: Entity, member: str) -> bool:
        """Whether the class itself has such a member."""
        return bool(self.members(cls, member))

    def members(self, cls: Entity, member: str) -> list[Binding]:
        """How the class's body binds a name."""
        scopes = self._modules.scopes(cls.path)
        scope = next((inner for _, _, inner in (scopes.definitions if scopes else ()) if inner.name == cls.name), None)
        return scope.bindings.get(member, []) if scope and scope.kind == "class" else []

    def slots(self, cls: Entity) -> set[str]:
        """The names that the class's `__slots__` holds."""
        node = self._node(cls)[0]
        return {
            part.value
            for statement in (node.body if node else ())
            if isinstance(statement, ast.Assign | ast.AnnAssign) and "__slots__" in ast.unparse(statement)
            for part in ast.walk(statement)
            if isinstance(part, ast.Constant) and isinstance(part.value, str)
        }

    def instance(self, node: ast.expr, path: str, scope: Scope, depth: int = 0) -> Meaning:
        """The class that an expression is an instance of."""
        if depth > _DEEP:
            return None
        if isinstance(node, _DATA):
            return OUTSIDE
        match node:
            case ast.Await(value=value) | ast.NamedExpr(value=value):
                return self.instance(value, path, scope, depth + 1)
            case ast.Call(func=ast.Name(id="super")):
                return self.around(path, scope)
            case ast.Call(func=function):
                return self._result(function, path, scope, depth)
            case ast.Name(id=name):
                return self._variable(name, path, scope, depth)
            case ast.Attribute(value=value, attr=attr):
                return self._attribute(value, attr, path, scope, depth)
            case ast.Subscript(value=container):
                return self._item(container, path, scope, _CONTAINERS)
            case ast.Starred(value=looped):
                return self._looped(looped, path, scope)
            case _:
                return None

    def _looped(self, node: ast.expr, path: str, scope: Scope) -> Meaning:
        """The class of what a loop goes through: a collection, or the values of a mapping."""
        match node:
            case ast.Call(func=ast.Name(id="sorted" | "reversed" | "list" | "tuple" | "set"), args=[inner, *_]):
                return self._looped(inner, path, scope)
            case ast.Call(func=ast.Attribute(value=container, attr="values"), args=[]):
                return self._item(container, path, scope, _MAPPINGS)
            case _:
                return self._item(node, path, scope, _COLLECTIONS)

    def _item(self, container: ast.expr, path: str, scope: Scope, kinds: frozenset[str]) -> Meaning:
        """The class of what is in a collection of these kinds, by the annotation of a name or of `self.name`."""
        notes: list[tuple[ast.expr, Scope]] = []
        scopes = self._modules.scopes(path)
        if isinstance(container, ast.Name) and scopes and (bound := scopes.lookup(container.id, scope)):
            given = [one.value if one.kind == "param" else None for one in bound.bindings[container.id]]
            notes = [(note, bound) for note in given if note is not None]
        cls = self.around(path, scope)
        if isinstance(container, ast.Attribute) and ast.unparse(container.value) == "self" and cls is not None:
            node = self._node(cls)[0]
            fields = [part for part in ast.walk(node) if isinstance(part, ast.AnnAssign)] if node else []
            text = ast.unparse(container)
            notes = [(part.annotation, scope) for part in fields if ast.unparse(part.target) in (text, container.attr)]
        if len(notes) != 1 or not isinstance(note := notes[0][0], ast.Subscript):
            return None
        if ast.unparse(note.value).rpartition(".")[2] not in kinds:
            return None
        item = note.slice.elts[-1] if isinstance(note.slice, ast.Tuple) and note.slice.elts else note.slice
        return self.annotated(item, path, notes[0][1])

    def around(self, path: str, scope: Scope | None) -> Entity | None:
        """The class in whose method a place is."""
        while scope is not None and scope.kind != "class":
            scope = scope.parent
        return Entity(self._modules.own(path), scope.name) if scope else None

    def annotated(self, node: ast.expr | None, path: str, scope: Scope) -> Meaning:
        """The class that an annotation names."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            try:
                node = ast.parse(node.value.strip(), mode="eval").body
            except (SyntaxError, ValueError):
                return None
        if isinstance(node, ast.BinOp):
            sides = [self.annotated(side, path, scope) for side in (node.left, node.right)]
            return next((side for side in sides if isinstance(side, Entity)), None)
        if isinstance(node, ast.Subscript):
            if ast.unparse(node.value).rpartition(".")[2] not in _WRAPPERS:
                return OUTSIDE
            inner = node.slice.elts[0] if isinstance(node.slice, ast.Tuple) and node.slice.elts else node.slice
            return self.annotated(inner, path, scope)
        if node is None:
            return None
        meaning = self._modules.meaning(node, path, scope)
        if isinstance(meaning, Entity):
            return meaning if self._node(meaning)[0] else None
        plain = isinstance(node, ast.Name) and hasattr(builtins, node.id)
        return OUTSIDE if plain or meaning == OUTSIDE else None

    def heirs(self, cls: Entity) -> list[Entity]:
        """The classes that name it among their bases, under the names that imports give it too."""
        if cls not in self._heirs:
            found: dict[Entity, None] = {}
            names = [cls.name.rpartition(".")[2]]
            for name in names:
                for path in self._modules.mentions(name):
                    scopes = self._modules.scopes(path)
                    for _, alias, _ in scopes.imports if scopes else ():
                        if alias.name == name and alias.asname and alias.asname not in names:
                            names.append(alias.asname)
                    for node, _, inner in scopes.definitions if scopes else ():
                        if isinstance(node, ast.ClassDef) and node.bases:
                            heir = Entity(self._modules.own(path), inner.name)
                            found |= {heir: None} if cls in self.bases(heir)[0] else {}
            self._heirs[cls] = list(found)
        return self._heirs[cls]

    def _node(self, cls: Entity) -> tuple[ast.ClassDef | None, Scope | None]:
        scopes = self._modules.scopes(cls.path)
        for node, outer, inner in scopes.definitions if scopes else ():
            if inner.name == cls.name and isinstance(node, ast.ClassDef):
                return node, outer
        return None, None

    def _result(self, function: ast.expr, path: str, scope: Scope, depth: int) -> Meaning:
        meaning = self._modules.meaning(function, path, scope)
        if not isinstance(meaning, Entity) and isinstance(function, ast.Attribute):
            owner = self.instance(function.value, path, scope, depth + 1)
            meaning = self.member(owner, function.attr) if isinstance(owner, Entity) else owner
        if not isinstance(meaning, Entity):
            return meaning
        return self._returned(meaning, depth)

    def _returned(self, function: Entity, depth: int) -> Meaning:
        if self._node(function)[0]:
            return function
        node = self._modules.definition(function)
        scopes = self._modules.scopes(function.path)
        if not isinstance(node, Function) or scopes is None:
            return None
        if node.returns is not None:
            if ast.unparse(node.returns).strip("'\"").rpartition(".")[2] == "Self":
                return Entity(function.path, function.name.rpartition(".")[0])
            return self.annotated(node.returns, function.path, scopes.module)
        inner = next(own for one, _, own in scopes.definitions if one is node)
        for part in ast.walk(node):
            if isinstance(part, ast.Return | ast.Yield) and part.value is not None:
                return self.instance(part.value, function.path, inner, depth + 1)
        return None

    def member(self, cls: Entity, name: str) -> Entity | None:
        """The method or inner class that an instance has under a name."""
        for one in self.ancestors(cls):
            found = Entity(one.path, f"{one.name}.{name}")
            if self._modules.definition(found) is not None:
                return found
        return None

    def _variable(self, name: str, path: str, scope: Scope, depth: int) -> Meaning:
        scopes = self._modules.scopes(path)
        bound = scopes.lookup(name, scope) if scopes else None
        if bound is None:
            return None
        bindings = bound.bindings[name]
        found: list[Meaning] = [self._given(b, path, bound, depth) for b in bindings]
        known = [one for one in found if isinstance(one, Entity)]
        if known and len(known) < len(found) and any(isinstance(one.value, ast.Starred) for one in bindings):
            return None  # loops that take turns with a name may well go through different things
        if known:
            return known[0] if len(set(known)) == 1 else None
        return OUTSIDE if found and all(one == OUTSIDE for one in found) else None

    def _given(self, binding: Binding, path: str, scope: Scope, depth: int) -> Meaning:
        """The class of what a binding gives."""
        if binding.kind == "param":
            if binding.value is not None:
                return self.annotated(binding.value, path, scope)
            return self._self_or_fixture(binding, path, scope, depth)
        if binding.kind == "assign" and binding.value is not None:
            return self.instance(binding.value, path, scope, depth + 1)
        if binding.kind == "from" and binding.alias is not None:
            meaning = self._modules.named(binding.alias.asname or binding.alias.name, path, scope)
            if isinstance(meaning, Entity) and "." not in meaning.name and (meaning.path, meaning.name) != (path, ""):
                other = self._modules.scopes(meaning.path)
                return self._variable(meaning.name, meaning.path, other.module, depth + 1) if other else None
            return meaning if meaning == OUTSIDE else None
        return None

    def _self_or_fixture(self, binding: Binding, path: str, scope: Scope, depth: int) -> Meaning:
        node = scope.node
        if not isinstance(node, Function) or not isinstance(binding.node, ast.arg):
            return None
        if scope.parent is not None and scope.parent.kind == "class":
            first = next(iter([*node.args.posonlyargs, *node.args.args]), None)
            if first is binding.node and "staticmethod" not in [ast.unparse(one) for one in node.decorator_list]:
                return self.around(path, scope)
        return self._fixture(binding.node.arg, path, depth)

    def _fixture(self, name: str, path: str, depth: int) -> Meaning:
        """What a fixture of pytest gives: it stands in the file, or in a conftest above."""
        folders = [path.rpartition("/")[0]]
        while folders[-1]:
            folders.append(folders[-1].rpartition("/")[0])
        for place in [path, *(f"{folder}/conftest.py".lstrip("/") for folder in folders)]:
            node = self._modules.definition(Entity(place, name)) if place in self._modules.files else None
            if isinstance(node, Function) and any("fixture" in ast.unparse(one) for one in node.decorator_list):
                return self._returned(Entity(place, name), depth + 1)
        return None

    def _attribute(self, value: ast.expr, attr: str, path: str, scope: Scope, depth: int) -> Meaning:
        """The class of `value.attr`: by an annotation in the class, an assignment to it, or a property."""
        owner = self.instance(value, path, scope, depth + 1)
        if not isinstance(owner, Entity):
            return None
        for cls in self.ancestors(owner):
            scopes = self._modules.scopes(cls.path)
            for binding in self.members(cls, attr):
                if binding.kind == "def":
                    return self._returned(Entity(cls.path, f"{cls.name}.{attr}"), depth + 1)
                inner = next((i for _, _, i in (scopes.definitions if scopes else ()) if i.name == cls.name), None)
                return self._given(binding, cls.path, inner, depth + 1) if inner else None
            if scopes is not None and (found := self._assigned(cls, attr, depth)):
                return found
        return None

    def _assigned(self, cls: Entity, attr: str, depth: int) -> Meaning:
        """What the class's methods assign to `self.attr`, with an annotation or without."""
        scopes = self._modules.scopes(cls.path)
        for node, outer, inner in scopes.definitions if scopes else ():
            if outer.name != cls.name or not isinstance(node, Function):
                continue
            for part in ast.walk(node):
                target = part.targets[0] if isinstance(part, ast.Assign) else getattr(part, "target", None)
                if isinstance(target, ast.Attribute) and target.attr == attr and ast.unparse(target.value) == "self":
                    if isinstance(part, ast.AnnAssign):
                        return self.annotated(part.annotation, cls.path, inner)
                    if isinstance(part, ast.Assign):
                        return self.instance(part.value, cls.path, inner, depth + 1)
        return None
