"""``--task all``: every task that the data serve, each with its table, and one board of them all."""

import json

from record_files import written

from inkbench.benchmark import registry

FEW = {
    "classification": ("steps=4",),
    "detection": ("steps=4", "side=64"),
    "inpainting": ("steps=4",),
    "retrieval": ("pairs=4",),
    "saliency": ("steps=4",),
    "segmentation": ("steps=4", "side=64"),
}
SETS = [word for name, texts in FEW.items() for text in texts for word in ("--set", f"{name}.{text}")]


def test_one_command_gives_every_task_and_one_board(cli, with_synth):
    done = cli("--method", "random", "--task", "all", "--preset", "smoke", *SETS, "--results", with_synth)
    assert done.returncode == 0, done.stderr
    records = list(written(with_synth))
    assert {record["task"] for record in records} == set(registry.names("tasks"))
    assert {record["status"] for record in records} == {"done"}
    for name in registry.names("tasks"):
        assert f"{name} on synth" in done.stdout
    board = json.loads((with_synth / "tables" / "overall-synth-smoke.json").read_text())
    assert len(board["columns"]) == len(registry.names("tasks"))
    [block] = board["blocks"]
    rows = {row["label"]: row for row in block["rows"]}
    assert set(rows) == {"best trivial baseline", "random"}
    figures = {record["task"]: record["metrics"][record["primary"]]["value"] for record in records
               if record["method"] == "random"}  # fmt: skip
    assert sorted(cell["value"] for cell in rows["random"]["cells"].values()) == sorted(figures.values())
    pictured = [record["task"] for record in records if list((with_synth / "runs" / record["id"]).glob("*.png"))]
    assert set(pictured) == set(registry.names("tasks")), "pictures of every task"


def test_what_the_data_do_not_serve_is_left_out_with_its_reason(cli, shared, tmp_path):
    data = shared / "data" / "osie-ai4va-layout"
    planned = cli("--method", "random", "--task", "all", "--data", data, "--results", tmp_path, "--dry-run")
    assert planned.returncode == 0, planned.stderr
    assert "random on saliency/frozen@1" in planned.stdout
    for name in registry.names("tasks"):
        if name != "saliency":
            assert f"left out: task {name} needs" in planned.stderr
