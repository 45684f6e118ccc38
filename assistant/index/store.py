"""The index's tables in one SQLite file: written by entries, asked by rows. A broken file is made anew silently.

Several processes may have it open (WAL, a busy timeout). Where the folder cannot be written to, it is kept in memory.
"""

import hashlib
import json
import os
import sqlite3
import threading
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from ossa.assistant.index.reading import Entry
from ossa.assistant.index.terms import words

_SCHEMA = """
CREATE TABLE IF NOT EXISTS files(
    id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, size INTEGER, mtime INTEGER, digest TEXT, reason TEXT, uses TEXT
);
CREATE TABLE IF NOT EXISTS symbols(
    file INTEGER NOT NULL, name TEXT, kind TEXT, line INTEGER, end INTEGER, signature TEXT, parent TEXT
);
CREATE INDEX IF NOT EXISTS symbols_by_file ON symbols(file);
CREATE INDEX IF NOT EXISTS symbols_by_name ON symbols(name, file);
CREATE TABLE IF NOT EXISTS state(generation INTEGER NOT NULL);
INSERT INTO state SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM state);
"""
"""`uses` is JSON of name to count: one row a file is written and read much faster than one a name."""
_WORDS = """
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(path, names, text, tokenize="ascii tokenchars '_'");
CREATE VIRTUAL TABLE IF NOT EXISTS vocabulary USING fts5vocab(words, row);
"""
_PATIENCE = 20.0
"""Seconds that one process waits for another's writing; both write for a fraction of a second at a time."""
_BROKEN = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_ERROR", "SQLITE_SCHEMA")
"""What a new file mends, a missing table for example; everything else is the disk's."""


class Lost(Exception):
    """What was kept is gone: everything has to be written again."""


class Known(NamedTuple):
    """What tells whether a file has changed."""

    size: int
    mtime: int
    digest: str


class Store:
    """The tables. Any thread may read while one writes."""

    def __init__(self, folder: Path, makers: Iterable[str]) -> None:
        """`makers` is all that the rows depend on besides the files: other makers have another database."""
        self.problem = ""
        """A sentence when nothing is kept on disk; empty when all is well."""
        self.searches = True
        """Whether words can be looked up."""
        made_by = hashlib.sha256("\0".join([_SCHEMA, _WORDS, *makers]).encode()).hexdigest()[:12]
        self._path = folder / f"index-{made_by}.sqlite"
        self._writing, self._reading = threading.RLock(), threading.RLock()
        self._closed = False
        self._open()

    def known(self, paths: Iterable[str] | None = None) -> dict[str, Known]:
        """What is known of these files, or of all."""
        fields = "SELECT path, size, mtime, coalesce(digest, '') FROM files"
        if paths is None:
            rows = self.rows(fields)
        else:
            rows = [row for path in paths for row in self.rows(f"{fields} WHERE path = ?", key(path))]
        return {name(path): Known(size, mtime, digest) for path, size, mtime, digest in rows}

    def below(self, folder: str) -> list[str]:
        """The known files in a folder, at any depth."""
        start, end = key(f"{folder}/"), key(f"{folder}0")
        return [name(path) for (path,) in self.rows("SELECT path FROM files WHERE path > ? AND path < ?", start, end)]

    def rows(self, query: str, *values: object) -> list[Any]:
        """The answer to a query; nothing where the file turns out to be broken, or was closed."""
        with self._reading:
            if self._closed:
                return []
            try:
                return self._reader.execute(query, values).fetchall()
            except sqlite3.DatabaseError as error:
                problem = error
        with suppress(Lost):
            self._mend(problem)
        return []

    def write(self, entries: Sequence[Entry]) -> None:
        """Take the entries in, all or none.

        Raises:
            Lost: the file was broken or the disk full; the store is empty now, and may be in memory.
        """
        with self._writing:
            if self._closed:
                return
            try:
                with _transaction(self._writer):
                    for entry in entries:
                        self._take(entry)
                    if not all(entry.same for entry in entries):
                        self._writer.execute("UPDATE state SET generation = generation + 1")
            except sqlite3.DatabaseError as error:
                self._mend(error)

    def close(self) -> None:
        """Let go of the file."""
        with self._writing, self._reading:
            if not self._closed:
                self._closed = True
                self._let_go()

    def _take(self, entry: Entry) -> None:
        execute, path = self._writer.execute, key(entry.path)
        if entry.same:
            execute("UPDATE files SET size = ?, mtime = ? WHERE path = ?", (entry.size, entry.mtime, path))
            return
        old = execute("SELECT id FROM files WHERE path = ?", (path,)).fetchone()
        if old:
            execute("DELETE FROM symbols WHERE file = ?", old)
            if self.searches:
                execute("DELETE FROM words WHERE rowid = ?", old)
        if entry.gone:
            execute("DELETE FROM files WHERE path = ?", (path,))
            return
        uses = json.dumps(entry.references, ensure_ascii=False) if entry.references else ""
        row = execute(
            "INSERT OR REPLACE INTO files VALUES(?, ?, ?, ?, ?, ?, ?)",
            (*(old or (None,)), path, entry.size, entry.mtime, entry.digest, entry.reason, uses),
        ).lastrowid
        if entry.reason:
            return
        self._writer.executemany(
            "INSERT INTO symbols VALUES(?, ?, ?, ?, ?, ?, ?)",
            [(row, one.name, one.kind, one.line, one.end, one.signature, one.parent) for one in entry.symbols],
        )
        places = " ".join(words(entry.path))
        execute(
            "INSERT INTO words(rowid, path, names, text) VALUES(?, ?, ?, ?)", (row, places, entry.names, entry.text)
        )

    def _open(self) -> None:
        """Open the file, a new one where it is broken, or memory where it cannot be."""
        why = "it cannot be read"
        for _ in range(2):
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._writer = self._connect(str(self._path))
                self._reader = self._connect(str(self._path))
                self._forget_others()
                return
            except sqlite3.DatabaseError as error:
                why = str(error)
                if not _is_broken(error):
                    break
                self._delete()
            except OSError as error:
                why = error.strerror or str(error)
                break
        self._to_memory(why)

    def _connect(self, place: str) -> sqlite3.Connection:
        connection = sqlite3.connect(place, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA cache_size = -16000")
            with _transaction(connection):
                for statement in _SCHEMA.split(";"):
                    connection.execute(statement)
                self._add_words(connection)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _add_words(self, connection: sqlite3.Connection) -> None:
        try:
            for statement in _WORDS.split(";"):
                connection.execute(statement)
        except sqlite3.OperationalError as error:
            if "no such module" not in str(error):
                raise
            self.searches = False
            self.problem = (
                "Files are found by their symbols only, as this Python's SQLite has no full-text search (FTS5)."
            )

    def _to_memory(self, why: str) -> None:
        self.problem = f"The index is kept in memory only ({why}): see to the space and rights of {self._path.parent}."
        self._writer = self._reader = self._connect(":memory:")
        self._reading = self._writing

    def _mend(self, error: sqlite3.DatabaseError) -> None:
        """Go on with an empty file, or in memory.

        Raises:
            Lost: always, as nothing is left.
        """
        with self._writing, self._reading:
            if self._closed:
                return
            self._let_go()
            if _is_broken(error):
                self._delete()
                self._open()
            else:
                self._to_memory(str(error))
        raise Lost

    def _let_go(self) -> None:
        for connection in {self._writer, self._reader}:
            with suppress(sqlite3.Error):
                connection.close()

    def _delete(self) -> None:
        for end in ("", "-wal", "-shm"):
            with suppress(OSError):
                Path(f"{self._path}{end}").unlink()

    def _forget_others(self) -> None:
        """Delete what other makers left; a process that still uses such a file goes on without a name for it."""
        for path in self._path.parent.glob("index-*.sqlite*"):
            if not path.name.startswith(self._path.name):
                with suppress(OSError):
                    path.unlink()


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Generator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def key(path: str) -> bytes:
    """A path as the tables have it: bytes, as names need not be UTF-8."""
    return os.fsencode(path)


def name(path: bytes) -> str:
    """The path again."""
    return os.fsdecode(path)


def _is_broken(error: sqlite3.DatabaseError) -> bool:
    return getattr(error, "sqlite_errorname", "SQLITE_CORRUPT").startswith(_BROKEN)
