"""The experiments of one task under one protocol, each with an id of everything that changes its number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from inkbench.benchmark import registry
from inkbench.benchmark.api import Method, NotApplicable, WeightsInfo
from inkbench.benchmark.config import BackboneSettings, PretrainSettings
from inkbench.benchmark.data.fingerprint import fingerprint
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.given import supervision
from inkbench.benchmark.networks.backbones import skeleton
from inkbench.benchmark.planning import checks, pool
from inkbench.benchmark.planning.asked import as_read_by, begun_with, name_of, plugin, require
from inkbench.benchmark.planning.experiment import Experiment, Pretraining
from inkbench.benchmark.planning.point import Point, identity_of, plain_settings
from inkbench.benchmark.planning.request import IMAGENET, PREDICTIONS, all_methods, is_named
from inkbench.benchmark.sources import Entry
from inkbench.benchmark.store import provenance
from inkbench.benchmark.store.files import key_of
from inkbench.benchmark.store.identity import record_id, work_id
from inkbench.benchmark.training import engine


@dataclass(frozen=True, slots=True)
class _Start:
    """Origin of a row's weights, or why there are none."""

    given: WeightsInfo
    declined: str
    pretraining: Pretraining | None = None
    weights: Path | None = None
    extra_steps: int = 0


def _has_budget(method: Method) -> bool:
    """Return whether the shared budget is spent, on a pretext task or on more updates of the task's own."""
    return method.pretrains or method.adds_budget


class Rows:
    """Makes the experiments of one task under one protocol and one point of the grid."""

    def __init__(self, point: Point, backbone: str = "") -> None:
        self.point, self.request, self.device, self.task = point, point.request, point.device, point.task
        self.backbone = backbone
        self.backbone_settings: BackboneSettings = point.resolved("backbone", BackboneSettings)
        self.pretrain: PretrainSettings = point.resolved("pretrain", PretrainSettings)

    def baseline(self, method: str) -> Experiment:
        """Return the row of a baseline ``trivial:NAME`` or a ``reference:NAME``."""
        return self._without_backbone(
            {**self.point.identity(), "method": method}, method, {}, baseline=method.partition(":")[2]
        )

    def predicted(self, path: Path) -> Experiment:
        """Return the row of predictions from elsewhere. Raises UsageError where the task reads none."""
        if self.task.prediction_format is None:
            raise UsageError(f"{PREDICTIONS}{path}: {self.task.name} cannot read predictions from files")
        files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
        if not files:
            raise UsageError(f"{PREDICTIONS}{path}: the folder is empty")
        content = fingerprint(path if path.is_dir() else path.parent, files, self.point.data.checksums)
        method = f"{PREDICTIONS}{path.name if path.is_dir() else path.stem}"
        identity = {**self.point.identity(), "method": PREDICTIONS, "content": content}
        return self._without_backbone(identity, method, {"weights": content}, predicted=path)

    def _without_backbone(
        self, identity: dict[str, Any], method: str, source: Mapping[str, Any], **kind: Any
    ) -> Experiment:
        """Return a row without backbone and seed."""
        return Experiment(
            id=record_id(identity),
            work=work_id(identity),
            identity=identity,
            method=method,
            task=self.task,
            protocol=self.point.protocol,
            family=self.point.family,
            seed=0,
            backbone=None,
            backbone_settings=self.backbone_settings,
            changed=self.point.changed(self.task.name, self.task.config),
            settings={"task": plain_settings(self.task.config)},
            supervision="none" if "baseline" in kind else "unknown",
            given=False,
            versions=self.point.versions(0, source),
            **kind,
        )

    def method(self, text: str, seed: int) -> Experiment:
        """Return the row of a method for one seed; declined where it cannot run here."""
        entry = registry.find("methods", text)
        method: Method = plugin(registry.load_entry(entry, "methods"), self.request, self.point.pairs)
        backbone_settings = as_read_by(method, self.backbone_settings, begun_with(self.request))
        backbone = skeleton(self.backbone, backbone_settings)
        source: dict[str, Any] = {
            "method": method.name,
            "engine": engine.VERSION,
            "version": method.version,
            "file": entry.checksum,
            "settings": plain_settings(method.config),
            "backbone": self.backbone,
            "backbone_settings": plain_settings(backbone_settings),
            "seed": seed,
            **self.device.identity(backbone),
            "packages": provenance.versions(provenance.DECIDING),
        }
        start = self._start(method, source, seed, self._unfit(method, backbone_settings))
        identity = {
            **self.point.identity(),
            **self.device.identity(backbone),
            "seed": seed,
            "source": start.pretraining.key if start.pretraining else source,
        }
        if start.declined:
            identity["declined"] = start.declined
        return Experiment(
            id=record_id(identity),
            work=work_id(identity),
            identity=identity,
            method=method.name,
            task=self.task,
            protocol=self.point.protocol,
            family=self.point.family,
            seed=seed,
            backbone=self.backbone,
            backbone_settings=backbone_settings,
            changed=self._all_changed(method, entry),
            settings=self._settings(method),
            supervision=start.given.supervision,
            given=method.is_external() or (method.pretrains and self.request.init is not None),
            versions=self.point.versions(method.version, source),
            facts=method.facts(),
            pretraining=start.pretraining,
            weight_source=None if method.pretrains else method,
            weights=start.weights,
            declined=start.declined,
            extra_steps=start.extra_steps,
            told=start.given.told,
            origin=self._origin(method, start),
        )

    def _origin(self, method: Method, start: _Start) -> dict[str, str] | None:
        """Return the record's entry on weights that others made; None of rows without any."""
        init = self.request.init if method.pretrains else None
        if start.declined or not (init or method.is_external()):
            return None
        given = start.given
        name = name_of(init) if init else method.name
        return {"name": name, "data": given.data, "licence": given.licence, "seen": given.seen}

    def _settings(self, method: Method) -> dict[str, Any]:
        settings = {
            "method": plain_settings(method.config),
            "task": plain_settings(self.task.config),
            "backbone": plain_settings(self.backbone_settings),
        }
        return {**settings, "pretrain": plain_settings(self.pretrain)} if _has_budget(method) else settings

    def _all_changed(self, method: Method, entry: Entry) -> dict[str, Any]:
        """Return the settings that differ from the preset, by the names that are typed for them."""
        changed = {
            **self.point.changed(method.name, method.config),
            **self.point.changed(self.task.name, self.task.config),
            **self.point.changed("backbone", self.backbone_settings),
        }
        if entry.file:
            changed["file"] = entry.file.name
        if _has_budget(method):
            changed |= self.point.changed("pretrain", self.pretrain)
        if not method.pretrains:
            return changed
        if self.request.init is not None:
            changed["init"] = name_of(self.request.init)
        if self.request.budget != "images":
            changed["budget"] = self.request.budget
        if self.request.exclude_suspects:
            changed["exclude-suspects"] = True
        return changed

    def _start(self, method: Method, source: dict[str, Any], seed: int, declined: str) -> _Start:
        """Find the origin of a row's weights; ``source`` is told what of it decides the numbers."""
        plain = _Start(WeightsInfo(method.supervision), declined)
        if method.pretrains:
            return plain if declined else self._pretrained(method, source, seed, plain)
        return self._handed_over(method, source, plain)

    def _pretrained(self, method: Method, source: dict[str, Any], seed: int, plain: _Start) -> _Start:
        try:
            pretraining = self._pretraining(method, source, seed)
        except (NotApplicable, UsageError) as reason:
            return replace(plain, declined=self._declined(str(reason)))
        first = pretraining.first
        if first is None:
            return replace(plain, pretraining=pretraining)
        return replace(plain, pretraining=pretraining, given=replace(first, supervision=pretraining.supervision))

    def _handed_over(self, method: Method, source: dict[str, Any], plain: _Start) -> _Start:
        start = replace(plain, weights=self.request.weights if method.takes_weights else None)
        if method.adds_budget:
            start = replace(start, extra_steps=self.pretrain.images // self.task.config.batch)
            source["extra_steps"] = start.extra_steps
            if self.point.family == "frozen":
                reason = f"{method.name} is trained on the task; it needs --protocol finetune"
                return replace(start, declined=self._declined(reason))
        if method.is_external() and not start.declined:
            try:
                source["weights"], given = self._given(method, start.weights)
            except NotApplicable as reason:
                return replace(start, declined=self._declined(str(reason)))
            start = replace(start, given=given)
        return start

    def _unfit(self, method: Method, settings: BackboneSettings) -> str:
        """Return why this method or this task does not go with the backbone, where that is declined, not refused."""
        try:
            checks.require_method(method, self.backbone, settings)
            checks.require_task(self.task, self.point.protocol, self.point.data.fingerprint(), self.backbone, settings)
        except (NotApplicable, UsageError) as reason:
            return self._declined(str(reason))
        return ""

    def _given(self, method: Method, weights: Path | None) -> tuple[str, WeightsInfo]:
        """Return the sha256 of a method's weights, and what is known of them. Raises UsageError, NotApplicable."""
        return checks.settled(
            checks.given_weights(type(method), method.config, self.backbone, self.backbone_settings, weights)
        )

    def _pretraining(self, method: Method, source: dict[str, Any], seed: int) -> Pretraining:
        require(method.needs, self.point.pretrain_data, f"method {method.name}")
        for view in method.views().values():
            if pool.is_pool(self.point.data, self.point.pretrain_data):
                pool.require(self.point.pretrain_data, view.kind)
            else:
                self.point.pretrain_data.require(view.kind, "train")
                self.point.pretrain_data.require(view.kind, "val")
        init: Path | str | None = None
        first: WeightsInfo | None = None
        if self.request.init is not None:
            init = self.request.init if is_named(self.request.init) else Path(self.request.init)
            source["init"], first = checks.settled(
                checks.init_weights(self.backbone, self.backbone_settings, init, self.request.weights)
            )
            if init == IMAGENET and self.request.weights is not None:
                init = self.request.weights
        source |= {
            "pretrain": plain_settings(self.pretrain),
            "budget": self.request.budget,
            "transductive": self.request.transductive,
            "data": identity_of(self.point.pretrain_data),
            **pool.identity(self.point.data, self.point.pretrain_data, self.request.exclude_suspects),
        }
        return Pretraining(
            key=key_of(source),
            identity=source,
            method=method,
            backbone=self.backbone,
            backbone_settings=as_read_by(method, self.backbone_settings, begun_with(self.request)),
            settings=self.pretrain,
            seed=seed,
            init=init,
            budget=self.request.budget,
            supervision=supervision.of_pretraining(method.supervision, first.supervision if first else ""),
            first=first,
        )

    def _declined(self, reason: str) -> str:
        """Return the reason of a declined row under ``all`` and in a declared table; refuse anywhere else."""
        if all_methods(self.request) or self.request.lenient:
            return reason
        raise UsageError(reason)
