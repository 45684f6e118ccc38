"""The kernels' threads: every task of every job is done once, whoever does it."""

import ctypes
from collections import Counter

import pytest

from ossa.model.mxfp4.library import PATH

needs_kernels = pytest.mark.skipif(not PATH.exists(), reason="the kernels are not built here")
_WORK = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int)


@needs_kernels
@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_every_task_of_every_job_is_done_once(threads: int) -> None:
    native = ctypes.CDLL(str(PATH))
    native.ossa_pool_open.restype = ctypes.c_void_p
    pool = ctypes.c_void_p(native.ossa_pool_open(threads))
    done = Counter[int]()

    @_WORK
    def work(_job: int, task: int) -> None:
        done[task] += 1

    for tasks in (1, 2, 5, 0, 17, 400, *range(60)):
        done.clear()
        native.pool_run(pool, work, None, tasks)
        assert done == dict.fromkeys(range(tasks), 1)
    native.ossa_pool_close(pool)
