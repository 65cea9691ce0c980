"""Typed settings: default < preset < ``--set``; parsed by the field's type, refused with the nearest name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from inkbench.benchmark.errors import UsageError, did_you_mean

PRESETS = ("smoke", "quick", "standard", "paper")


def setting(default: Any, help: str, source: str = "inkbench", *, later: bool = False, **bounds: Any) -> Any:
    """Declare a field of a Config: default, one line of help, source of its value (paper, section), bounds.

    ``later`` is a field that came after records did, whose default does what was done before it: see ``plain``.
    """
    return Field(default=default, description=help, json_schema_extra={"source": source, "later": later}, **bounds)


class Config(BaseModel):
    """Frozen, validated settings of one method, task or dataset.

    ``presets`` maps a preset's name to the values that differ from the defaults under it. A class with a field
    ``recipe`` has named bundles of values in ``recipes``: default < preset < recipe < ``--set``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    recipes: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    @model_validator(mode="before")
    @classmethod
    def _fill_from_recipe(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        return {**cls.recipes.get(str(values.get("recipe")), {}), **values}

    @classmethod
    def resolve(cls, owner: str, preset: str, sets: Mapping[str, str] | None = None) -> Self:
        """Resolve the settings of ``owner`` (its registry name) under ``preset`` with ``--set`` texts laid over.

        Raises UsageError for an unknown field or a value of the wrong type or out of range.
        """
        if preset not in PRESETS:
            raise UsageError(f"no preset '{preset}'{did_you_mean(preset, PRESETS)}")
        asked: dict[str, Any] = {}
        for name, text in (sets or {}).items():
            if name not in cls.model_fields:
                raise UsageError(f"no setting '{owner}.{name}'{did_you_mean(name, cls.model_fields)}")
            asked[name] = parse(cls.model_fields[name].annotation, text)
        recipe = cls.recipes.get(str(asked.get("recipe")), {})
        try:
            return cls(**{**cls.presets.get(preset, {}), **recipe, **asked})
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in (owner, *first["loc"]))
            said = f"{where}: {first['msg'].removeprefix('Value error, ')}"
            raise UsageError(said + ("" if first["type"] == "value_error" else f" (got {first['input']!r})")) from None

    def plain(self) -> dict[str, Any]:
        """Return the values as JSON has them, for ids and records.

        A field that came later is left out at its default, so that the ids of what was done before it stay.
        """
        fields: Mapping[str, Any] = type(self).model_fields
        later = {name: of.default for name, of in fields.items() if (of.json_schema_extra or {}).get("later")}
        values = self.model_dump(mode="json").items()
        return {name: value for name, value in values if name not in later or value != later[name]}

    def changed(self, preset: str) -> dict[str, Any]:
        """Return the values that differ from this class's own under ``preset``."""
        usual = type(self)(**self.presets.get(preset, {})).model_dump(mode="json")
        return {name: value for name, value in self.model_dump(mode="json").items() if value != usual[name]}


def parse(annotation: Any, text: str) -> Any:
    """Parse ``text`` of a command line as pydantic input for ``annotation``: ``none`` is null, lists by comma."""
    options = get_args(annotation) if get_origin(annotation) is not Literal else ()
    if text.strip().lower() in ("none", "null") and type(None) in options:
        return None
    kinds = (annotation, *options)
    if any(get_origin(kind) in (tuple, list) for kind in kinds):
        return [part.strip() for part in text.split(",") if part.strip()]
    return text.strip()


Readout = Literal["family", "head", "cls", "mean", "cls+mean"]
"""Reduction of a transformer's tokens to one vector; see ``benchmark.tokens``."""


class BackboneSettings(Config):
    """Settings of the encoder itself (``--set backbone.FIELD``)."""

    pad_type: Literal["", "same"] | None = setting(
        None, "padding of the convolutions, for weights converted from TensorFlow: 'same'"
    )
    mean: tuple[float, float, float] | None = setting(None, "input mean per channel in [0, 1]; none: the weights' own")
    std: tuple[float, float, float] | None = setting(
        None, "input standard deviation per channel in [0, 1]; none: the weights' own"
    )
    readout: Readout = setting(
        "family",
        "which vector of a vision transformer is read, after its final norm: `cls` the class token, `mean` the mean of "
        "the patches, `cls+mean` both, `head` what timm's own head pools; `family`: as the authors of the weights do "
        "(a method here says its own)",
    )
    last_blocks: int = setting(
        1,
        "blocks of a vision transformer, the last ones, whose class tokens are put one behind the other, each after "
        "the final norm; with `cls+mean` the mean of the last one's patches follows",
        "DINO, arXiv 2104.14294, appendix F: 4 of small ones; DINOv2's linear evaluation: 1 or 4",
        later=True,
        ge=1,
    )


class PretrainSettings(Config):
    """The budget that all pretext tasks of a comparison share (``--set pretrain.FIELD``)."""

    images: int = setting(40_000, "source images drawn from the dataset by all stages together", ge=1)
    batch: int = setting(64, "images per step, over all devices", ge=2)
    flops_side: int = setting(
        128,
        "--budget flops spends what `images` forward and backward passes of the bare backbone at this side cost",
        ge=32,
    )
    sync_batch_norm: Literal["auto", "on", "off"] = setting(
        "auto", "batch norm over the whole batch on several devices: as the method's paper has it, always, or never"
    )
    window: Literal["random", "centre"] = setting(
        "random", "which square of an image longer than its view a step sees: one drawn anew, or always the centre"
    )
    held_out: int = setting(1_024, "panels of the validation series that the pretext figure is measured on", ge=1)
    presets = {
        "smoke": {"held_out": 64, "images": 1_024, "batch": 32},
        "standard": {"images": 2_000_000, "batch": 256},
        "paper": {"images": 89_600_000, "batch": 256},
    }


SERIES_FROM = "data.series_from"
"""The pair of ``--series-from``; it travels with those of ``--set``, because it decides which data are meant."""


def settings_of(owner: str, pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return the texts of ``--set`` that belong to ``owner``, later ones winning."""
    return {key.split(".", 1)[1]: value for key, value in pairs if key.split(".", 1)[0] == owner}


BACKBONE_TRIALS = (0.01, 0.1, 1.0, 10.0, 100.0, 1000.0)
"""Factors of ``TaskConfig.backbone_lr`` where several are tried: 1e-5 to 1 in decades. What trains from nothing and
what needs a touch only both find their best inside; with batch norm rates far above the usual still train."""


class TaskConfig(Config):
    """Settings that every task has; a task's own class gives their values."""

    side: int = setting(128, "side in pixels of the square input", ge=16)
    steps: int = setting(300, "updates of the head (and, fine-tuned, of the backbone)", ge=1)
    batch: int = setting(16, "images per step, over all devices", ge=1)
    lr: float = setting(1e-3, "learning rate of the head (AdamW)", gt=0)
    backbone_lr: float = setting(1e-3, "learning rate of the backbone when fine-tuned (AdamW)", gt=0)
    weight_decay: float = setting(1e-4, "decoupled weight decay", ge=0)
    label_fraction: float = setting(
        1.0, "share of the training items that are used, the same for every row", gt=0, le=1
    )
    trials: tuple[float, ...] = setting(
        (1.0,), "factors of the head's learning rate tried, frozen; validation chooses", min_length=1
    )
    backbone_trials: tuple[float, ...] = setting(
        (1.0,), "factors of the backbone's learning rate tried, fine-tuned; validation chooses", min_length=1
    )
    batch_norm: Literal["handed-over", "re-estimated", "choose"] = setting(
        "re-estimated", "statistics of a frozen backbone: as handed over, re-estimated once, or chosen on validation"
    )
    layer_decay: float = setting(
        1.0,
        "factor from the backbone's learning rate of a layer to that of the one below it, fine-tuned; 1: one rate",
        "BEiT, arXiv 2106.08254, and MAE, arXiv 2111.06377, table 9: 0.65 to 0.75",
        later=True,
        gt=0,
        le=1,
    )
    frozen_stages: int = setting(
        2, "stages of the backbone, the first ones, that are not trained under partial@1", later=True, ge=1, le=5
    )
    lora_rank: int = setting(
        8, "rank of the updates of the backbone's weights under lora@1", "Hu et al., arXiv 2106.09685", later=True, ge=1
    )
    drop_path: float = setting(
        0.0,
        "share of the images that skip the backbone's last residual branch in training, fine-tuned; rises from 0",
        "Huang et al., ECCV 2016; MAE, table 9: 0.1 to 0.3",
        later=True,
        ge=0,
        lt=1,
    )
