"""What the kernels are told of layers, as structures of C; `kernels.h` and `layer.c` say what they mean."""

import ctypes

import torch

from ossa.model.mxfp4.weights import ExpertWeights


class ExpertsOf(ctypes.Structure):
    """`Experts` of kernels.h."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("gate_up", "gate_up_scales", "gate_up_bias")),
        *((name, ctypes.c_void_p) for name in ("down", "down_scales", "down_bias")),
        *((name, ctypes.c_int32) for name in ("experts", "hidden", "inner", "per_token")),
        *((name, ctypes.c_float) for name in ("alpha", "limit")),
    )


class LinearOf(ctypes.Structure):
    """`Linear` of kernels.h."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("weights", "scales", "bias")),
        *((name, ctypes.c_int32) for name in ("rows", "columns")),
    )


class ShapeOf(ctypes.Structure):
    """`Shape` of layer.c."""

    _fields_ = (
        *((name, ctypes.c_int32) for name in ("hidden", "heads", "key_heads", "width")),
        *((name, ctypes.c_float) for name in ("epsilon", "scaling")),
    )


class LayerOf(ctypes.Structure):
    """`Layer` of layer.c."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("norm", "later_norm")),
        *((name, LinearOf) for name in ("query", "key", "value", "out", "router")),
        ("sinks", ctypes.c_void_p),
        ("experts", ExpertsOf),
        ("window", ctypes.c_int32),
    )


class StatesOf(ctypes.Structure):
    """`States` of layer.c."""

    _fields_ = (("keys", ctypes.c_void_p), ("values", ctypes.c_void_p), ("stride", ctypes.c_int64))


class AttentionOf(ctypes.Structure):
    """`Attention` of kernels.h; `common` and `own` are as `StatesOf`."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("kernels", "queries", "sinks")),
        ("common", StatesOf),
        ("own", StatesOf),
        ("out", ctypes.c_void_p),
        *((name, ctypes.c_int) for name in ("heads", "key_heads", "fresh", "shared", "states", "width", "window")),
        ("scaling", ctypes.c_float),
    )


class Spent(ctypes.Structure):
    """Where the time of layers went, in seconds; the kernels add to it."""

    _fields_ = tuple((name, ctypes.c_double) for name in ("experts", "dense", "attention"))


def experts_of(weights: ExpertWeights, per_token: int) -> ExpertsOf:
    """Experts, of which each token takes some; lives as long as they do."""
    assert all(part.is_contiguous() for part in weights.tensors())
    pointers = [part.data_ptr() for part in weights.tensors()]
    shape = (weights.experts, weights.hidden, weights.inner, per_token)
    return ExpertsOf(*pointers, *shape, weights.alpha, weights.limit)


def linear_of(weight: torch.Tensor, scales: torch.Tensor | None, bias: torch.Tensor | None, columns: int) -> LinearOf:
    """A dense layer; lives as long as its tensors do."""
    pointers = (None if part is None else part.data_ptr() for part in (weight, scales, bias))
    return LinearOf(*pointers, len(weight), columns)


def states_of(keys: torch.Tensor, values: torch.Tensor) -> StatesOf:
    """Halves `[1, heads, tokens, width]`, views into memory that may be longer."""
    assert keys.shape == values.shape
    assert keys.stride() == values.stride()
    assert keys.stride()[2:] == (keys.shape[3], 1)
    assert keys.dtype == values.dtype == torch.float16
    return StatesOf(keys.data_ptr(), values.data_ptr(), keys.stride(1))
