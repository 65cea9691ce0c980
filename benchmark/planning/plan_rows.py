"""The cells of one task under one protocol, each with an id of everything that changes its number."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from inkbench.benchmark import registry
from inkbench.benchmark.api import Dataset, Declined, Given, Method, Task
from inkbench.benchmark.config import BackboneSettings, Config, PretrainSettings, settings_of
from inkbench.benchmark.data.fingerprint import fingerprint
from inkbench.benchmark.errors import Refusal
from inkbench.benchmark.networks import supervision
from inkbench.benchmark.networks.backbones import skeleton
from inkbench.benchmark.planning import plan_checks, pool
from inkbench.benchmark.planning.planned import Cell, Pretraining
from inkbench.benchmark.planning.request import PREDICTIONS, Request, all_methods
from inkbench.benchmark.scoring.score import metric_versions
from inkbench.benchmark.store import provenance
from inkbench.benchmark.store.files import key_of
from inkbench.benchmark.training import engine
from inkbench.benchmark.training.engine import Device


class Rows:
    """Makes the cells of one task under one protocol and one point of the grid."""

    def __init__(
        self,
        request: Request,
        pairs: tuple[tuple[str, str], ...],
        device: Device,
        data: Dataset,
        pretrain_data: Dataset,
        task: Task,
        protocol: str,
        family: Literal["frozen", "finetune"],
        backbone: str = "",
    ) -> None:
        self.request, self.pairs, self.device = request, pairs, device
        self.data, self.pretrain_data = data, pretrain_data
        self.task, self.protocol, self.family = task, protocol, family
        self.backbone = backbone
        self.backbone_settings = BackboneSettings.resolve("backbone", request.preset, settings_of("backbone", pairs))
        self.pretrain = PretrainSettings.resolve("pretrain", request.preset, settings_of("pretrain", pairs))

    def plain(self, method: str) -> Cell:
        """The row of a baseline ``trivial:NAME`` or a ``reference:NAME``."""
        return self._bare({**self._task_identity(), "method": method}, method, {}, plain=method.partition(":")[2])

    def predicted(self, path: Path) -> Cell:
        """The row of predictions from elsewhere. Raises Refusal where the task reads none."""
        if self.task.prediction_format is None:
            raise Refusal(f"{PREDICTIONS}{path}: {self.task.name} reads no predictions from files")
        files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
        if not files:
            raise Refusal(f"{PREDICTIONS}{path}: the folder is empty")
        content = fingerprint(path if path.is_dir() else path.parent, files, self.data.checksums)
        method = f"{PREDICTIONS}{path.name if path.is_dir() else path.stem}"
        identity = {**self._task_identity(), "method": PREDICTIONS, "content": content}
        return self._bare(identity, method, {"weights": content}, predicted=path)

    def _bare(self, identity: dict[str, Any], method: str, source: Mapping[str, Any], **kind: Any) -> Cell:
        """A row without backbone and seed."""
        return Cell(
            id=key_of(identity),
            identity=identity,
            method=method,
            task=self.task,
            protocol=self.protocol,
            family=self.family,
            seed=0,
            backbone=None,
            backbone_settings=self.backbone_settings,
            changed=self._changed(self.task.name, self.task.config),
            settings={"task": _plain(self.task.config)},
            supervision="none" if "plain" in kind else "unknown",
            given=False,
            versions=self._versions(0, source),
            **kind,
        )

    def method(self, text: str, seed: int) -> Cell:
        """The row of a method for one seed; declined where it cannot run here."""
        entry = registry.find("methods", text)
        method: Method = plugin(registry.load_entry(entry, "methods"), self.request, self.pairs)
        backbone_settings = as_read_by(method, self.backbone_settings)
        backbone = skeleton(self.backbone, backbone_settings)
        settings: dict[str, Any] = {
            "method": _plain(method.config),
            "task": _plain(self.task.config),
            "backbone": _plain(self.backbone_settings),
        }
        changed = {
            **self._changed(method.name, method.config),
            **self._changed(self.task.name, self.task.config),
            **self._changed("backbone", self.backbone_settings),
        }
        source: dict[str, Any] = {
            "method": method.name,
            "engine": engine.VERSION,
            "version": method.version,
            "file": entry.checksum,
            "settings": settings["method"],
            "backbone": self.backbone,
            "backbone_settings": _plain(backbone_settings),
            "seed": seed,
            **self.device.identity(backbone),
            "packages": provenance.versions(provenance.DECIDING),
        }
        if entry.file:
            changed["file"] = entry.file.name
        pretraining, weights, extra = None, None, 0
        declined = self._unfit(method, backbone_settings)
        given = Given(method.supervision)
        if method.pretrains:
            settings["pretrain"] = _plain(self.pretrain)
            changed |= self._changed("pretrain", self.pretrain)
            if self.request.init is not None:
                changed["init"] = "imagenet" if self.request.init == "imagenet" else Path(self.request.init).name
            if self.request.budget != "images":
                changed["budget"] = self.request.budget
            if self.request.exclude_suspects:
                changed["exclude-suspects"] = True
            try:
                pretraining = None if declined else self._pretraining(method, source, seed)
                if pretraining and pretraining.init is not None:
                    given = Given(pretraining.supervision, pretraining.told)
            except (Declined, Refusal) as reason:
                declined = self._declined(str(reason))
        else:
            weights = self.request.weights if method.takes_weights else None
            if method.adds_budget:
                extra = self.pretrain.images // self.task.config.batch
                settings["pretrain"] = _plain(self.pretrain)
                changed |= self._changed("pretrain", self.pretrain)
                source["extra_steps"] = extra
            try:
                if method.adds_budget and self.family == "frozen":
                    raise Declined(f"{method.name} is trained on the task; it needs --protocol finetune")
                if method.takes_weights and not declined:
                    source["weights"], given = self._given(method, weights)
            except Declined as reason:
                declined = self._declined(str(reason))
        identity = {
            **self._task_identity(),
            **self.device.identity(backbone),
            "seed": seed,
            "source": pretraining.key if pretraining else source,
        }
        if declined:
            identity["declined"] = declined
        return Cell(
            id=key_of(identity),
            identity=identity,
            method=method.name,
            task=self.task,
            protocol=self.protocol,
            family=self.family,
            seed=seed,
            backbone=self.backbone,
            backbone_settings=backbone_settings,
            changed=changed,
            settings=settings,
            supervision=given.supervision,
            given=method.takes_weights or (method.pretrains and self.request.init is not None),
            versions=self._versions(method.version, source),
            facts=method.facts(),
            pretraining=pretraining,
            giver=None if method.pretrains else method,
            weights=weights,
            declined=declined,
            extra_steps=extra,
            told=given.told,
        )

    def _unfit(self, method: Method, settings: BackboneSettings) -> str:
        """Why this method or this task does not go with the backbone, where that is declined instead of refused."""
        try:
            plan_checks.require_method(method, self.backbone, settings)
            plan_checks.require_task(self.task, self.protocol, self.data.fingerprint(), self.backbone, settings)
        except (Declined, Refusal) as reason:
            return self._declined(str(reason))
        return ""

    def _given(self, method: Method, weights: Path | None) -> tuple[str, Given]:
        """The sha256 of the weights that a method hands over, and what is known of them. Raises Refusal, Declined."""
        return plan_checks.settled(
            plan_checks.given_weights(type(method), method.config, self.backbone, self.backbone_settings, weights)
        )

    def _pretraining(self, method: Method, source: dict[str, Any], seed: int) -> Pretraining:
        require(method.needs, self.pretrain_data, f"method {method.name}")
        for view in method.views().values():
            if pool.is_pool(self.data, self.pretrain_data):
                pool.require(self.pretrain_data, view.kind)
            else:
                self.pretrain_data.require(view.kind, "train")
                self.pretrain_data.require(view.kind, "val")
        init: Path | Literal["imagenet"] | None = None
        first = Given("")
        if self.request.init is not None:
            init = "imagenet" if self.request.init == "imagenet" else Path(self.request.init)
            source["init"], first = plan_checks.settled(
                plan_checks.init_weights(self.backbone, self.backbone_settings, init, self.request.weights)
            )
            if init == "imagenet" and self.request.weights is not None:
                init = self.request.weights
        source |= {
            "pretrain": _plain(self.pretrain),
            "budget": self.request.budget,
            "transductive": self.request.transductive,
            "data": _identity_of(self.pretrain_data),
            **pool.identity(self.data, self.pretrain_data, self.request.exclude_suspects),
        }
        return Pretraining(
            key=key_of(source),
            identity=source,
            method=method,
            backbone=self.backbone,
            backbone_settings=as_read_by(method, self.backbone_settings),
            settings=self.pretrain,
            seed=seed,
            init=init,
            budget=self.request.budget,
            supervision=supervision.of_pretraining(method.supervision, first.supervision),
            told=first.told,
        )

    def _task_identity(self) -> dict[str, Any]:
        return {
            "engine": engine.VERSION,
            "task": self.task.name,
            "version": self.task.version,
            **({"file": file} if (file := registry.file_of(type(self.task))) else {}),
            "metrics": metric_versions(self.task),
            "protocol": self.protocol,
            "settings": _plain(self.task.config),
            "data": _identity_of(self.data),
            "packages": provenance.versions(provenance.DECIDING),
        }

    def _declined(self, reason: str) -> str:
        """Under ``all`` and in a declared table what cannot run here is a row with its reason; else it is refused."""
        if all_methods(self.request) or self.request.lenient:
            return reason
        raise Refusal(reason)

    def _versions(self, method: int, source: Mapping[str, Any]) -> dict[str, Any]:
        """What may not be mixed in a row though it is no setting: versions, and checksums of given weights."""
        shared = {"engine": engine.VERSION, "task": self.task.version, "data": self.data.version}
        return {**shared, "method": method, **{name: source[name] for name in ("weights", "init") if name in source}}

    def _changed(self, owner: str, config: Config) -> dict[str, Any]:
        return {f"{owner}.{name}": value for name, value in config.changed(self.request.preset).items()}


def as_read_by(method: Method, settings: BackboneSettings) -> BackboneSettings:
    """The settings of a backbone with a method's weights, read as the method says where the settings do not."""
    if settings.readout != "family" or not method.pretrains:
        return settings
    return settings.model_copy(update={"readout": method.readout})


def plugin(kind: type, request: Request, pairs: tuple[tuple[str, str], ...]) -> Any:
    """A method or task with its settings resolved. Raises Refusal."""
    name = kind.name  # type: ignore[attr-defined]
    return kind(kind.Config.resolve(name, request.preset, settings_of(name, pairs)))  # type: ignore[attr-defined]


def require(needs: frozenset[str], dataset: Dataset, who: str) -> None:
    """Refuse a dataset that lacks something."""
    missing = sorted(needs - dataset.offers())
    if missing:
        offers = ", ".join(sorted(dataset.offers())) or "nothing"
        raise Refusal(
            f"{who} needs {', '.join(missing)}, which {dataset.name} lacks (it has {offers}); --data synth has all"
        )


def _identity_of(dataset: Dataset) -> dict[str, Any]:
    return {"id": dataset.reader, "version": dataset.version, "fingerprint": dataset.fingerprint()}


def _plain(config: Config) -> dict[str, Any]:
    return config.model_dump(mode="json")
