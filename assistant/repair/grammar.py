"""What one line of a Python function may be, or its body, as a grammar that a model is held to while it writes it.

Scope ─┬► line_grammar()  ─► `Constraint.grammar`: one statement, complete, of names that there are
       └► block_grammar() ─► the same, line by line, each as far to the right as those before it allow

It is wider than Python (all operators bind alike), so what is written is still parsed; but a model held to it hardly
writes what does not parse, and no name that is bound nowhere.
"""

import keyword
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

_CONVENTIONAL = ("item", "value", "key", "char", "index", "line", "word", "row", "col", "num", "pair", "node", "name")
"""What is often bound within brackets, besides single letters: in `[item for item in items]` it is read before."""
_DEEPEST = 4
"""How many times a block may be indented within a body."""
_SYNTAX = rf"""
INDENT: /[ \t]+/
S: / +/
COMMA: /, */
COLON: / *: */
GIVEN: / *= */
WALRUS: / *:= */
IF: / +if +/
ELSE: / +else +/
FOR: / +for +/
IN: / +in +/
AS: / +as +/
JOINED: / +(and|or) +/
NOT: /not +/
OPERATOR: /( *([-+*\/%@&|^<>]|\*\*|\/\/|<<|>>|[<>=!]=) *)|( +(not +in|in|is +not|is) +)/
SIGN: /[-+~]|await +/
GROW: / *([-+*\/%@&|^]|\*\*|\/\/|<<|>>)= */
STRING: /[rbfuRBFU]{{0,2}}("([^"\\\n]|\\.)*"|'([^'\\\n]|\\.)*')/
NUMBER: /(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+|[0-9][0-9_]*(\.[0-9]*)?([eE][-+]?[0-9]+)?|\.[0-9]+)[jJ]?/
NEW: /[^\W\d]\w*/ & ~/({"|".join(keyword.kwlist)})/
value: STRING (S STRING)* | NUMBER | "..." | brackets
trailer: call | place
place: "." ATTRIBUTE | "[" part (COMMA part){{0,3}} COMMA? "]"
call: "(" (inner clause+ | (argument (COMMA argument){{0,9}} (COMMA named){{0,9}} | options) COMMA?)? ")"
options: named (COMMA named){{0,9}}
argument: "*"? inner | NEW WALRUS inner
named: NEW "=" inner | "**" inner
part: inner | inner? COLON inner? (COLON inner?)?
clause: FOR names IN inner (IF inner)*
names: name (COMMA name){{0,7}}
name: NEW | "(" NEW (COMMA NEW){{0,7}} ")"
element: "*"? inner
entry: inner COLON inner | "**" inner
brackets: "(" ")" | "[" "]" | "{{" "}}" | "(" NEW WALRUS inner ")" | "(" element (COMMA element){{0,9}} COMMA? ")"
    | "[" element (COMMA element){{0,9}} COMMA? "]" | "{{" element (COMMA element){{0,9}} COMMA? "}}"
    | "{{" entry (COMMA entry){{0,9}} COMMA? "}}" | "(" inner clause+ ")" | "[" inner clause+ "]"
    | "{{" (inner | entry) clause+ "}}" | "(" yielding ")"
exprs: "*"? outer (COMMA "*"? outer){{0,9}} COMMA?
target: TARGET | (KNOWN | foreign | brackets) trailer* place | "(" targets ")" | "[" targets "]"
targets: "*"? target (COMMA "*"? target){{0,9}} COMMA?
loop: "(" loop ")" | ("*"? TARGET | "(" loop ")") (COMMA ("*"? TARGET | "(" loop ")")){{0,7}}
yielding: "yield" (S ("from" S)? exprs)?
simple: (KNOWN | foreign | value) trailer* call | "await" S outer | yielding | (targets GIVEN)+ (exprs | yielding)
    | target GROW (exprs | yielding) | target COLON outer (GIVEN exprs)? | "return" (S exprs)? | "pass" | "break"
    | "continue" | "raise" (S outer (/ +from +/ outer)?)? | "assert" S outer (COMMA outer)? | "del" S targets
    | ("global" | "nonlocal") S NEW (COMMA NEW){{0,3}}
    | "import" S dotted (AS NEW)? | "from" S dotted / +import +/ NEW (COMMA NEW){{0,3}}
dotted: NEW ("." NEW)*
body: simple (/ *; */ simple)*
condition: outer | TARGET WALRUS outer
for: "for" S loop IN exprs ":"
except: "except" (S outer (AS NEW)?)? ":"
with: "with" S outer (AS target)? (COMMA outer (AS target)?){{0,3}} ":"
headed: ("if" | "elif" | "while") S condition ":" | "else:" | for | "try:" | "finally:" | except | with
"""


_WITHIN = """\
within{0}: body | (with | def) suite{0} | (for | "while" S condition ":") suite{0} else{0}?
    | "if" S condition ":" suite{0} (NEXT{0} "elif" S condition ":" suite{0})* else{0}?
    | "try:" suite{0} ((NEXT{0} except suite{0})+ else{0}? finally{0}? | finally{0})
else{0}: NEXT{0} "else:" suite{0}
finally{0}: NEXT{0} "finally:" suite{0}"""


@dataclass(frozen=True, slots=True)
class Scope:
    """The names that a line may use."""

    known: Collection[str] | None
    """Those that may be read; None for any."""
    targets: Collection[str] | None
    """Those that may be given a value, None for any; to one line a new name is of no use, since nothing reads it."""
    attributes: Collection[str] | None = None
    """What may follow a dot; None for anything."""
    imported: Collection[str] = ()
    """Names of which nobody knows what may follow their dot."""


def line_grammar(scope: Scope, opens: bool) -> str:
    """One line of a function, its indentation included, and anything behind its end.

    `opens` says that lines which stand further right follow; else it has to be complete by itself.
    """
    line = "headed" if opens else "body | headed S? body"
    return "\n".join([f"start: INDENT? ({line}) END?", r"END: /[ ]*\n(?s:.*)/", _SYNTAX, *_names(scope)])


def block_grammar(scope: Scope, margin: str) -> str:
    """Lines that begin at a margin, which is also what a block within is indented by, and what stands left behind.

    `scope` should allow any name: what is bound above is not known to a grammar.
    """
    return "\n".join([*_levels(margin), _SYNTAX, *_names(scope)])


def _levels(margin: str) -> Iterator[str]:
    """A body's statements, and those of the blocks in it."""
    yield "start: INDENT? within0 (NEXT0 within0)* LAST?"
    yield r"LAST: /\n+([^ \t\n](?s:.*))?/"
    yield 'def: "def" S NEW "(" (parameter (COMMA parameter){0,7})? ")" (/ *-> */ outer)? ":"'
    yield 'parameter: ("*" | "**")? NEW (COLON outer)? (GIVEN inner)?'
    for level in range(_DEEPEST + 1):
        block = f" | (NEXT{level + 1} within{level + 1})+" if level < _DEEPEST else ""
        yield f"NEXT{level}: /([ \\t]*\\n)+{margin * (level + 1)}/"
        yield f"suite{level}: S? body{block}"
        yield _WITHIN.format(level)


def _names(scope: Scope) -> Iterator[str]:
    known, targets, fixed = scope.known, scope.targets, ("None", "True", "False")
    yield "KNOWN: " + (f"NEW | /{_any(*fixed)}/" if known is None else f"/{_any(*known, *fixed)}/")
    yield "INNER: " + ("KNOWN" if known is None else f"/[a-z_]|{_any(*known, *_CONVENTIONAL, *fixed)}/")
    yield "TARGET: " + ("NEW" if targets is None else f"/{_any(*targets, '_')}/")
    yield f"ATTRIBUTE: {'NEW' if scope.attributes is None else f'/{_any(*scope.attributes)}/'}"
    yield "foreign: " + (f'/{_any(*scope.imported)}/ "." NEW' if scope.imported else "KNOWN")
    for expression, name in (("outer", "KNOWN"), ("inner", "INNER")):
        operand = f"{expression}_operand"
        joined = f"{expression}_joined"
        yield f'{expression}: {joined} (IF {joined} ELSE {expression})? | "lambda" (S NEW (COMMA NEW)*)? COLON inner'
        yield f"{joined}: {expression}_negated (JOINED {expression}_negated)*"
        yield f"{expression}_negated: NOT* {operand} (OPERATOR {operand})*"
        yield f"{operand}: SIGN* ({name} | foreign | value) trailer*"


def _any(*names: str) -> str:
    return f"({'|'.join(re.escape(name) for name in sorted(set(names)))})"
