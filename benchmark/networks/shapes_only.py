"""Networks on torch's meta device, asked for shapes, operations and gradients' paths, quickly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode


class ShapesOnly(TorchFunctionMode):
    """On the meta device, puts cheap functions in the place of dear ones, with the same shapes and dependences.

    There is nothing to compute on that device, but torch takes normalisation, attention and the drawing of weights
    apart in Python, which is most of the time that a network takes there. What is multiplied stays, so that the
    matrix products and convolutions that ``FlopCounterMode`` counts are the same ones.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call ``func``, or what stands for it."""
        kwargs = kwargs or {}
        stands = STANDS.get(func)
        if stands is None or not args or not isinstance(args[0], Tensor) or not args[0].is_meta:
            return func(*args, **kwargs)
        return stands(*args, **kwargs)


def _as_it_is(weights: Tensor, *_: Any, **__: Any) -> Tensor:
    return weights


def _batch_norm(
    maps: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    *_: Any,
    **__: Any,
) -> Tensor:
    return _scaled(maps, weight, bias, (1, -1, *[1] * (maps.dim() - 2)))


def _group_norm(
    maps: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, *_: Any, **__: Any
) -> Tensor:
    return _scaled(maps, weight, bias, (1, -1, *[1] * (maps.dim() - 2)))


def _layer_norm(
    tokens: Tensor, normalized_shape: Any, weight: Tensor | None = None, bias: Tensor | None = None, *_: Any, **__: Any
) -> Tensor:
    return _scaled(tokens, weight, bias, tuple(normalized_shape))


def _scaled(values: Tensor, weight: Tensor | None, bias: Tensor | None, shape: tuple[int, ...]) -> Tensor:
    values = values.clone() if weight is None else values * weight.view(shape)
    return values if bias is None else values + bias.view(shape)


def _attention(query: Tensor, key: Tensor, value: Tensor, *masked: Any, **how: Any) -> Tensor:
    """Return the two products of attention; a mask that is learned (a relative position) stays part of it."""
    mask = masked[0] if masked else how.get("attn_mask")
    products = query @ key.transpose(-2, -1)
    return (products if mask is None or mask.is_floating_point() is False else products + mask) @ value


STANDS: dict[Callable[..., Any], Callable[..., Tensor]] = {
    functional.batch_norm: _batch_norm,
    functional.group_norm: _group_norm,
    functional.layer_norm: _layer_norm,
    functional.scaled_dot_product_attention: _attention,
    **dict.fromkeys((Tensor.uniform_, Tensor.normal_, Tensor.erfinv_, Tensor.clamp_), _as_it_is),
    **dict.fromkeys((Tensor.fill_, Tensor.zero_), _as_it_is),
}
"""Functions of torch, and what stands for them; drawing and filling weights leaves them as they are."""
