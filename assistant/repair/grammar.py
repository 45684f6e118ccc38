"""What one line of a Python function may be, as a grammar that a model is held to while it writes it.

Scope ─► line_grammar() ─► `Constraint.grammar`: one statement, complete, of names that there are

It is wider than Python (all operators bind alike), so what is written is still parsed; but a model held to it hardly
writes what does not parse, and no name that is bound nowhere.
"""

import keyword
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

_CONVENTIONAL = ("item", "value", "key", "char", "index", "line", "word", "row", "col", "num", "pair", "node", "name")
"""What is often bound within brackets, besides single letters: in `[item for item in items]` it is read before."""
_SYNTAX = rf"""
start: INDENT? line END?
INDENT: /[ \t]+/
END: /[ ]*\n(?s:.*)/
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
OPERATOR: /( *([-+*\/%@&|^<>]|\*\*|\/\/|<<|>>|[<>=!]=) *)|( +(and|or|not +in|in|is +not|is) +)/
SIGN: /[-+~]|not +|await +/
GROW: / *([-+*\/%@&|^]|\*\*|\/\/|<<|>>)= */
STRING: /[rbfuRBFU]{{0,2}}("([^"\\\n]|\\.)*"|'([^'\\\n]|\\.)*')/
NUMBER: /(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+|[0-9][0-9_]*(\.[0-9]*)?([eE][-+]?[0-9]+)?|\.[0-9]+)[jJ]?/
NEW: /[^\W\d]\w*/ & ~/({"|".join(keyword.kwlist)})/
value: STRING (S STRING)* | NUMBER | "..." | brackets
trailer: call | "." ATTRIBUTE | "[" part (COMMA part){{0,3}} COMMA? "]"
call: "(" (argument (COMMA argument){{0,9}} COMMA?)? ")"
argument: inner clause* | NEW "=" inner | "*" inner | "**" inner | NEW WALRUS inner
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
target: TARGET | (KNOWN | brackets) trailer+ | "(" targets ")" | "[" targets "]"
targets: "*"? target (COMMA "*"? target){{0,9}} COMMA?
loop: "(" loop ")" | ("*"? TARGET | "(" loop ")") (COMMA ("*"? TARGET | "(" loop ")")){{0,7}}
yielding: "yield" (S ("from" S)? exprs)?
simple: (KNOWN | foreign | value) trailer* call | "await" S outer | yielding | (targets GIVEN)+ (exprs | yielding)
    | target GROW (exprs | yielding) | target COLON outer (GIVEN exprs)? | "return" (S exprs)? | "pass" | "break"
    | "continue" | "raise" (S outer (/ +from +/ outer)?)? | "assert" S outer (COMMA outer)? | "del" S targets
    | "import" S dotted (AS NEW)? | "from" S dotted / +import +/ NEW (COMMA NEW){{0,3}}
dotted: NEW ("." NEW)*
body: simple (/ *; */ simple)*
headed: ("if" | "elif" | "while") S (outer | TARGET WALRUS outer) ":" | "else:" | "for" S loop IN exprs ":" | "try:"
    | "finally:" | "except" (S outer (AS NEW)?)? ":" | "with" S outer (AS target)? (COMMA outer (AS target)?){{0,3}} ":"
"""


@dataclass(frozen=True, slots=True)
class Scope:
    """The names that a line may use."""

    known: Collection[str]
    """Those that may be read."""
    targets: Collection[str]
    """Those that may be given a value; one that is new is of no use, since nothing reads it."""
    attributes: Collection[str] | None = None
    """What may follow a dot; None for anything."""
    imported: Collection[str] = ()
    """Names of which nobody knows what may follow their dot."""


def line_grammar(scope: Scope, opens: bool) -> str:
    """One line of a function, its indentation included, and anything behind its end.

    `opens` says that lines which stand further right follow; else it has to be complete by itself.
    """
    return "\n".join([_SYNTAX, *_rules(scope, opens)])


def _rules(scope: Scope, opens: bool) -> Iterator[str]:
    known, fixed = scope.known, ("None", "True", "False")
    yield "line: headed" if opens else "line: body | headed S? body"
    yield f"KNOWN: /{_any(*known, *fixed)}/"
    yield f"INNER: /[a-z_]|{_any(*known, *_CONVENTIONAL, *fixed)}/"
    yield f"TARGET: /{_any(*scope.targets, '_')}/"
    yield f"ATTRIBUTE: {'NEW' if scope.attributes is None else f'/{_any(*scope.attributes)}/'}"
    yield "foreign: " + (f'/{_any(*scope.imported)}/ "." NEW' if scope.imported else "KNOWN")
    for expression, name in (("outer", "KNOWN"), ("inner", "INNER")):
        operand = f"{expression}_operand"
        yield f"{expression}: {operand} (OPERATOR {operand})* (IF {expression} ELSE {expression})?"
        yield f'{operand}: SIGN* ({name} | foreign | value) trailer* | "lambda" (S NEW (COMMA NEW)*)? COLON inner'


def _any(*names: str) -> str:
    return f"({'|'.join(re.escape(name) for name in sorted(set(names)))})"
