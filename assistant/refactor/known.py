"""Attribute names that Python's own types have, so that `x.NAME` may well be no name of the repository's."""

import array
import asyncio
import collections
import datetime
import decimal
import functools
import io
import logging
import pathlib
import queue
import re
import subprocess
import threading
import unittest.mock
from functools import cache

_TYPES = (
    *(str, bytes, bytearray, memoryview, int, float, complex, list, tuple, dict, set, frozenset, range, slice, type),
    *(BaseException, OSError, UnicodeError, property, array.array, re.Pattern, re.Match, pathlib.Path, decimal.Decimal),
    *(collections.deque, collections.Counter, collections.OrderedDict, collections.ChainMap, collections.defaultdict),
    *(io.StringIO, io.BytesIO, io.TextIOWrapper, io.BufferedReader, io.FileIO, datetime.datetime, datetime.timedelta),
    *(logging.Logger, logging.Handler, logging.LogRecord, threading.Thread, threading.Event, threading.Condition),
    *(queue.Queue, subprocess.Popen, asyncio.Task, asyncio.Queue, asyncio.AbstractEventLoop, functools.partial),
    *(unittest.TestCase, unittest.mock.Mock),
)


@cache
def _names() -> frozenset[str]:
    return frozenset(name for kind in _TYPES for name in dir(kind))


def is_common(name: str) -> bool:
    """Whether one of Python's own types has an attribute of this name."""
    return name in _names()
