"""The model card: front matter for the hub, then what a person must know before using the weights."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import yaml

from inkbench.benchmark.escaping import markdown
from inkbench.benchmark.given.supervision import UNKNOWN
from inkbench.benchmark.running.export import onnx_file, torchvision_names
from inkbench.benchmark.running.export.exported import Exported, Terms, own_version, slug
from inkbench.benchmark.running.export.scores import HEADER, Score, model_index

PIPELINE = "image-feature-extraction"
LAYER = """`projection.safetensors` is a linear layer, a batch norm and a ReLU behind the pooled features: what the
tasks that read one vector were given."""
TORCHVISION = """`{file}` holds the same weights under torchvision's names, without a classifier:

```python
import torchvision
from safetensors.torch import load_file
model = torchvision.models.{name}()
model.load_state_dict(load_file("{file}"), strict=False)  # its classifier alone stays as it was made
```"""
ONNX = """`{file}` takes `images` (any number, 3, {side}, {side}), normalised as above, and gives `vector`, what tasks
read of an image, and `map`, the coarsest map."""
CARD = """# {title}

```python
import timm
backbone = timm.create_model({where}, pretrained=True)
features = backbone.forward_features(images)  # (B, 3, H, W), normalised by mean {mean} and std {std}
```

`num_classes=7`, `in_chans=1` and `features_only=True` are taken as for timm's own weights, and
`timm.data.resolve_model_data_config(backbone)` gives the side and the scaling of pixels that they were trained with.

| | |
|---|---|
{facts}

{parts}

{scores}

## Licence and citation

{terms}
"""


def readme(exported: Exported, found: Sequence[Score], where: str, extra: Sequence[str] = ()) -> str:
    """Return the card; ``where`` is what timm is told to load, ``extra`` are paragraphs on further files."""
    table = "\n".join([HEADER, *(score.line() for score in found)]) if found else ""
    facts = {**exported.facts, "exported by": f"inkbench {own_version()}"}
    mean, std = (tuple(round(value, 4) for value in exported.preprocessing[name]) for name in ("mean", "std"))
    text = CARD.format(
        title=markdown(exported.title),
        where=json.dumps(where, ensure_ascii=False),
        mean=mean,
        std=std,
        facts="\n".join(f"| {name} | {value} |" for name, value in facts.items()),
        parts="\n\n".join([*exported.remarks, *extra]),
        scores=table or "No task has been scored with these weights.",
        terms="\n".join(_terms_line(one) for one in exported.terms),
    )
    return f"---\n{front_matter(exported, found)}---\n{text}"


def front_matter(exported: Exported, found: Sequence[Score]) -> str:
    """Return the card's data for the hub, as YAML."""
    told: dict[str, Any] = {
        "library_name": "timm",
        "pipeline_tag": PIPELINE,
        "tags": [PIPELINE, "timm", "comics", "inkbench"],
        **_licence(exported.terms),
    }
    if exported.datasets:
        told["datasets"] = [slug(name) for name in exported.datasets]
    if exported.base_model:
        told["base_model"] = exported.base_model
    if index := model_index(exported.title, found):
        told["model-index"] = index
    return yaml.safe_dump(told, sort_keys=False, allow_unicode=True)


def torchvision_part(name: str) -> str:
    """Return the paragraph on the file under torchvision's names."""
    return TORCHVISION.format(file=torchvision_names.FILE, name=name)


def onnx_part(side: int) -> str:
    """Return the paragraph on the file of ONNX."""
    return ONNX.format(file=onnx_file.FILE, side=side)


def _licence(terms: Sequence[Terms]) -> dict[str, str]:
    """Return the hub's words for the licence: one only where everything that the weights come from has the same."""
    words = {one.identifier for one in terms}
    if len(words) == 1 and "other" not in words:
        return {"license": words.pop()}
    if words <= {UNKNOWN}:
        return {"license": UNKNOWN}
    stated = [one.licence for one in terms if one.licence] if len(terms) == 1 else []
    return {"license": "other", "license_name": slug(stated[0])[:60] if stated else "several-see-the-card"}


def _terms_line(terms: Terms) -> str:
    cite = f" Cite: {markdown(terms.citation.rstrip('.'))}." if terms.citation else ""
    page = f" {markdown(terms.homepage)}" if terms.homepage else ""
    return f"- {markdown(terms.what)}: licence {markdown(terms.licence or UNKNOWN)}.{cite}{page}"
