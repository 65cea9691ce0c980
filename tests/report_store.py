"""A store with all that a report shows, made without a run, for the tests of the report."""

from leaderboard_records import detection_items, record, usual
from PIL import Image

from inkbench.benchmark.store.files import write_json
from inkbench.benchmark.store.store import Store


def full(store: Store) -> None:
    """Two tasks, two rows of a pretraining with pictures and curves, one failed run."""
    usual(store)
    record(store, "d0", "random", detection_items(0.3, 1), task="detection")
    record(
        store, "d1", "jigsaw", detection_items(0.6, 2), task="detection", pretraining="p1", curve=[[0, 2.0], [9, 1.0]]
    )
    record(store, "f0", "autoencoder", log="logs/f0.log")
    (store.root / "logs").mkdir()
    (store.root / "logs" / "f0.log").write_text("Traceback\nMemoryError: of 3 GiB")
    write_json(store.root / "backbones" / "p1" / "card.json", {"curve": [[0, 3.0], [20, 2.5], [40, 1.9]]})
    for name in ("runs/p1/neighbours", "runs/d1/boxes-0", "runs/d0/boxes-0", "audit/p1/input-and-gradient"):
        path = store.root / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (60, 40), "orange").save(path)
