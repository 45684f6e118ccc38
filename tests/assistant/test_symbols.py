"""What a file defines and uses: a dozen languages by their grammars, others by pygments, anything without harm."""

import pytest

from ossa.assistant.index.languages import LANGUAGES, Language, grammar
from ossa.assistant.index.outlines import outline
from ossa.assistant.index.symbols import Symbol

PYTHON = '''\
"""About Reader and parse."""
import json
LIMIT: int = 3
names, LATER = 1, 2

class Reader(Base):
    """Reads."""
    MODE = "r"

    @property
    def size(
        self,
        unit: str = "b",
    ) -> int:
        def inner(x): return x  # a comment about helper
        return helper(inner(LIMIT)) + helper(f"text {helper(2)} parse")

    async def close(self): ...

async def parse(text: str) -> Reader:
    return Reader(text)

if True:
    OTHER = 1
'''


def told(symbols: tuple[Symbol, ...]) -> list[str]:
    return [f"{one.kind} {one.parent}.{one.name} {one.line}-{one.end}".replace(" .", " ") for one in symbols]


def test_a_python_file() -> None:
    found = outline("src/reader.py", PYTHON)

    assert told(found.symbols) == [
        "constant LIMIT 3-3",
        "class Reader 6-18",
        "constant Reader.MODE 8-8",
        "method Reader.size 11-16",
        "function Reader.size.inner 15-15",
        "method Reader.close 18-18",
        "function parse 20-21",
        "constant OTHER 24-24",
    ]
    signatures = {one.name: one.signature for one in found.symbols}
    assert signatures["size"] == 'def size( self, unit: str = "b", ) -> int'
    assert signatures["parse"] == "async def parse(text: str) -> Reader"
    assert signatures["Reader"] == "class Reader(Base)"
    assert signatures["LIMIT"] == "LIMIT: int = 3"
    assert {one.path for one in found.symbols} == {"src/reader.py"}
    assert found.references["helper"] == 3
    assert found.references["Reader"] == 2
    assert found.references["LIMIT"] == 1
    assert "parse" not in found.references
    assert "def" not in found.references


SAMPLES = {
    "a.js": (
        "class Shape { area() { return 1 } #hidden() {} go = () => 2 }\n"
        "function draw(s) { s.area() }\n"
        "const later = async (x) => { x }\n"
        "export const LIMIT = 3\n"
        "module.exports.run = function () {}\n"
        "const o = { act: () => 1 }\n",
        "class Shape|method Shape.area|method Shape.#hidden|method Shape.go|function draw|function later|"
        "constant LIMIT|function run|constant o|method act",
    ),
    "a.ts": (
        "export interface Shape { area(): number }\n"
        "type Id = string\n"
        "enum Colour { Red }\n"
        "abstract class A<T> { abstract f(): void; g(x: T): T { return x } h = () => 1 }\n"
        "namespace N { export function inner() {} }\n"
        "export const make = (x: Id): Shape => ({ area: () => 1 })\n"
        "declare function outside(): void\n",
        "class Shape|method Shape.area|type Id|type Colour|class A|method A.f|method A.g|method A.h|module N|"
        "function N.inner|function make|method make.area|function outside",
    ),
    "a.tsx": (
        "export function App(): JSX.Element { return <Other a={1} /> }\n",
        "function App",
    ),
    "a.go": (
        "package p\n"
        "// T is\n"
        "type T struct { a int }\n"
        "type I interface { F() }\n"
        "type Id = int\n"
        "type N int\n"
        "const Limit = 3\n"
        "var (\n"
        "  a = 1\n"
        "  b = 2\n"
        ")\n"
        "func (t *T) F(x int) error { y := 1; return nil }\n"
        "func New[X any]() *T { return &T{} }\n",
        "class T|class I|type Id|type N|constant Limit|constant a|constant b|method T.F|function New",
    ),
    "a.rs": (
        "mod deep { pub const LIMIT: u8 = 1; }\n"
        "pub struct P<T> { x: T }\n"
        "enum E { A }\n"
        "trait Area { fn area(&self) -> f64; }\n"
        "impl<T> Area for P<T> { fn area(&self) -> f64 { 1.0 } }\n"
        "macro_rules! m { () => {} }\n"
        "type R = u8;\n"
        "fn main() {}\n",
        "module deep|constant deep.LIMIT|class P|class E|class Area|method Area.area|method P.area|"
        "function m|type R|function main",
    ),
    "A.java": (
        "package p;\n"
        "public class A<T> extends B {\n"
        "  static final int LIMIT = 1;\n"
        "  int plain;\n"
        "  A() {}\n"
        "  public int f(int x) { return g(x); }\n"
        "}\n"
        "interface I { void h(); }\n"
        "enum E { X }\n"
        "record R(int a) {}\n",
        "class A|constant A.LIMIT|method A.A|method A.f|class I|method I.h|class E|class R",
    ),
    "a.c": (
        "#define LIMIT 3\n"
        "#define TWICE(x) ((x)*2)\n"
        "struct node { int a; };\n"
        "typedef struct { int b; } pair;\n"
        "enum colour { RED };\n"
        "int proto(int);\n"
        "static char *text(int n) { int x; return 0; }\n"
        "int main(void) { return 0; }\n",
        "constant LIMIT|function TWICE|class node|type pair|type colour|function proto|function text|function main",
    ),
    "a.cpp": (
        "namespace ns {\n"
        "class A : B {\n"
        " public:\n"
        "  A();\n"
        "  ~A();\n"
        "  int f(int x) const { return x; }\n"
        "  virtual int *g();\n"
        "};\n"
        "}\n"
        "int *ns::A::g() { Thing x(y); return 0; }\n"
        "int A::h() { return 1; }\n"
        "template <class T> T plus(T a) { return a; }\n"
        "using Id = int;\n"
        "enum class E { X };\n"
        "bool operator==(A a, A b) { return true; }\n",
        "module ns|class ns.A|method ns.A.A|method ns.A.~A|method ns.A.f|method ns.A.g|method A.h|"
        "function plus|type Id|type E|function operator==",
    ),
    "a.h": (
        "#ifndef A_H\nint *make(int a, char *b);\nstruct s;\ntypedef int id;\n#endif\n",
        "function make|type id",
    ),
    "a.cs": (
        "namespace N {\n"
        " public class A : B {\n"
        "  const int Limit = 1;\n"
        "  public A() {}\n"
        "  public int F(int x) => x;\n"
        "  public string Name { get; set; }\n"
        " }\n"
        " interface I { void G(); }\n"
        " enum E { X }\n"
        " struct S {}\n"
        " record R(int A);\n"
        "}\n",
        "module N|class N.A|constant N.A.Limit|method N.A.A|method N.A.F|method N.A.Name|class N.I|"
        "method N.I.G|type N.E|class N.S|class N.R",
    ),
    "a.rb": (
        "module M\n"
        "  class A < B\n"
        "    LIMIT = 1\n"
        "    def f(x)\n"
        "      g(x)\n"
        "    end\n"
        "    def self.make\n"
        "    end\n"
        "  end\n"
        "end\n",
        "class M|class M.A|constant M.A.LIMIT|method M.A.f|method M.A.make",
    ),
    "a.php": (
        "<html><?php\n"
        "namespace N;\n"
        "class A extends B {\n"
        "  const LIMIT = 1;\n"
        "  public function f($x) { return g($x); }\n"
        "}\n"
        "interface I {}\n"
        "trait T {}\n"
        "function h() {}\n",
        "class A|constant A.LIMIT|method A.f|class I|class T|function h",
    ),
    "a.sh": (
        'LIMIT=3\nexport PLACE=here\nrun() {\n  local x=1\n  echo "$LIMIT"\n}\nfunction go { run; }\n',
        "constant LIMIT|constant PLACE|function run|function go",
    ),
    "a.scala": (
        "class A(x: Int) extends B {\n"
        "  val limit = 1\n"
        "  def f(y: Int): Int = y\n"
        "}\n"
        "object O { def g = 1 }\n"
        "trait T { def h: Int }\n",
        "class A|constant A.limit|method A.f|class O|method O.g|class T|method T.h",
    ),
    "a.kt": (
        "val LIMIT = 3\n"
        "class A(val x: Int) : B() {\n"
        "  fun f(y: Int): Int = y\n"
        "}\n"
        "interface I { fun h() }\n"
        "object O {}\n"
        "fun main() { val inner = 1 }\n"
        "typealias Id = String\n",
        "constant LIMIT|class A|method A.f|class I|method I.h|class O|function main|type Id",
    ),
    "a.swift": (
        "let limit = 3\n"
        "struct A: B {\n"
        "  init(x: Int) {}\n"
        "  func f(_ y: Int) -> Int { return y }\n"
        "}\n"
        "protocol P { func h() }\n"
        "extension A { func g() {} }\n"
        "func main() {}\n"
        "typealias Id = String\n",
        "constant limit|class A|method A.init|method A.f|class P|method P.h|class A|method A.g|function main|type Id",
    ),
    "a.lua": (
        "local function f(x) return x end\n"
        "function M.g(a) end\n"
        "function M:h() end\n"
        "M.late = function() end\n"
        "local t = { act = function() end }\n",
        "function f|method M.g|method M.h|function late|method act",
    ),
    "script": (
        "#!/usr/bin/env python3 -u\ndef main(): ...\n",
        "function main",
    ),
    "bin/run": (
        "#!/bin/sh\nmain() { true; }\n",
        "function main",
    ),
    "words": (
        "def main(): ...\n",
        "",
    ),
    "a.pl": (
        "package Thing;\nmy $x = 1;\nsub first { return second(1); }\nsub second { 1 }\n",
        "function first|function second",
    ),
    "a.hs": (
        "module M where\ndouble :: Int -> Int\ndouble x = x * 2\n",
        "function double",
    ),
    "a.ex": (
        "defmodule A do\n  def go(x) do\n    x\n  end\nend\n",
        "class A|function go",
    ),
}


@pytest.mark.parametrize("path", SAMPLES)
def test_languages(path: str) -> None:
    text, expected = SAMPLES[path]

    found = outline(path, text).symbols

    assert [entry.rpartition(" ")[0] for entry in told(found)] == (expected.split("|") if expected else [])


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: f"{language.query} {language.function}")
def test_every_grammar_is_installed_and_understands_its_query(language: Language) -> None:
    assert grammar(language) is not None
