"""The report as files: every link leads somewhere, hostile text stays text, nothing that was there is lost."""

import html.parser
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from leaderboard_records import ROOT, SERIES, detection_items, record, saliency_items, toy_items, usual
from markupsafe import escape
from PIL import Image
from record_files import data_used
from report_store import full

from inkbench.benchmark.data.locate import open_dataset
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.store.files import write_json
from inkbench.benchmark.store.store import Store
from inkbench.leaderboards.report import cell_page, gather, items, site, svg, thumbnails
from inkbench.leaderboards.report.command import write_report
from inkbench.leaderboards.report.words import introduction, slug
from inkbench.tasks.metrics import detection
from inkbench.tasks.metrics.items import take

HOSTILE = '<script>alert("x")</script>'


def report(store: Store, out: Path | None = None) -> Path:
    return write_report(store, out or store.root / "report", Progress(quiet=True)).parent


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("report"))
    full(store)
    return store, report(store)


class Links(html.parser.HTMLParser):
    """The addresses and the ids of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses, self.ids = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name in ("href", "src"):
                self.addresses.append(value)
            if name == "id":
                assert value not in self.ids, f"two elements are called {value}"
                self.ids.add(value)


@pytest.mark.seconds
def test_every_address_leads_to_a_file_of_the_report(made):
    _, folder = made
    pages = {path.name: Links(path.read_text()) for path in folder.glob("*.html")}
    assert len(pages) > 12
    reached = {"index.html"}
    for name, links in pages.items():
        for address in links.addresses:
            if address.startswith("data:"):
                continue
            file, _, anchor = address.partition("#")
            assert "//" not in address, f"{name} leaves the report for {address}"
            assert (folder / (file or name)).is_file(), f"{name} names {address}"
            reached.add(file or name)
            if anchor and file in ("", *pages) and file != "compare.html":
                assert anchor in pages[file or name].ids, f"{name} names {address}"
    assert set(pages) <= reached, "pages that nothing leads to"


def test_the_board_shows_what_the_text_renderer_shows(made):
    store, folder = made
    board = (folder / "index.html").read_text()
    found = gather.gather(store)
    for shown in found.tables:
        for block in shown.table.blocks:
            assert str(block.setup) in board
            for row in block.rows:
                for head in shown.table.columns:
                    if head.key in row.cells:
                        assert str(escape(row.cells[head.key].text)) in board
        for note in shown.table.notes:
            assert str(escape(note)) in board
    assert "out of memory at step 3" in board


def test_tables_like_the_papers_are_filled_from_what_was_run(tmp_path):
    store = Store(tmp_path / "results")
    for number, method in enumerate(("random", "jigsaw", "autoencoder")):
        record(store, f"m{number}", method, saliency_items(0.3 + number / 10, number))
    page = Path(write_report(store, tmp_path / "out", Progress(quiet=True))).with_name("papers.html").read_text()
    assert "Saliency by the style of the comic" in page
    assert "Shortcuts of jigsaw puzzles" not in page, "none of its rows was run"
    assert page.count("not run") >= 6


def test_a_cells_page_holds_its_record_curves_and_pictures(made):
    _, folder = made
    page = (folder / "cell-d1.html").read_text()
    for shown in (
        "Loss of the pretraining",
        "Loss of the head",
        "boxes-0",
        "Saliency on tiles",
        "Figure 8",
        "ap[face]",
    ):
        assert shown in page
    assert "MemoryError: of 3 GiB" in (folder / "cell-f0.html").read_text()
    method = (folder / "method-jigsaw.html").read_text()
    assert introduction("methods", "jigsaw")[0].split(" (")[0] in method


def test_hostile_text_stays_text(tmp_path):
    store = Store(tmp_path)
    usual(store)
    record(store, "x0", HOSTILE, saliency_items(0.4, 3), changed={HOSTILE: "</style>"}, notes=["</script>" + HOSTILE])
    record(store, "x1", "autoencoder", reason=HOSTILE, log="logs/x1.log")
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "x1.log").symlink_to("/etc/passwd")
    told = store.record_path("x1").read_text()
    record(store, "x2", "mae", saliency_items(0.4, 4), init="'onerror='alert(1)")
    for name, text in (('x"' + HOSTILE.replace("/", ""), told), ("x3", told.replace('"seed": 0', '"init": "\\ud800"'))):
        (store.record_path("x1").parent / f"{name}.json").write_text(text.replace('"x1"', json.dumps(name)))
    folder = report(store)
    for path in folder.rglob("*.*"):
        if path.suffix in (".html", ".js"):
            text = path.read_text()
            assert HOSTILE not in text
            assert "</style>" not in text
    assert "root:" not in (folder / "cell-x1.html").read_text()
    assert "&lt;script&gt;alert" in (folder / "cell-x0.html").read_text()
    assert "x3.json is not JSON" in (folder / "index.html").read_text()


def test_a_damaged_record_costs_one_line_and_its_own_row(tmp_path, capsys):
    store = Store(tmp_path)
    usual(store)
    good = json.loads(store.record_path("j0").read_text())
    for cell, change in {
        "b0": {"metrics": {}},
        "b1": {"data": "synth"},
        "b2": {"metrics": {**good["metrics"], "cc": {"value": "high"}}},
        "b3": {"phases": None},
    }.items():
        write_json(store.record_path(cell), {**good, "id": cell, **change})
    store.record_path("b4").parent.mkdir(exist_ok=True)
    store.record_path("b4").write_text("{ half")
    folder = report(store)
    told = capsys.readouterr().err.strip().splitlines()
    assert len(told) == 5
    assert all(line.startswith("skipped: ") and "move it away" in line for line in told)
    assert (folder / "cell-j0.html").is_file()
    assert not list(folder.glob("cell-b*"))
    assert "b2.json has no usable metrics.cc.value" in (folder / "index.html").read_text()


def test_tables_that_cannot_be_made_are_told_and_the_others_stand(tmp_path, capsys):
    store = Store(tmp_path)
    usual(store)
    record(store, "d0", "random", toy_items(0.3), task="toy")
    folder = report(store)
    told = capsys.readouterr().err
    assert "no table of toy frozen@1 on synth" in told
    assert "--plugin FILE.py" in told
    assert "no table of toy" in (folder / "index.html").read_text()
    assert (folder / "task-saliency.html").is_file()


def test_nothing_there_is_refused_in_one_line(tmp_path):
    with pytest.raises(UsageError, match="there is no results folder"):
        report(Store(tmp_path / "nowhere"))
    assert not (tmp_path / "nowhere").exists()
    with pytest.raises(UsageError, match="no records in"):
        report(Store(tmp_path))
    file = tmp_path / "file"
    file.write_text("")
    usual(Store(tmp_path))
    with pytest.raises(UsageError, match="is a file; --out takes a folder"):
        report(Store(tmp_path), file)


def test_another_folder_is_left_alone_and_one_that_cannot_be_written_named(tmp_path):
    store = Store(tmp_path / "results")
    usual(store)
    thesis = tmp_path / "thesis"
    thesis.mkdir()
    (thesis / "chapter.tex").write_text("years of work")
    with pytest.raises(UsageError, match="was not changed"):
        report(store, thesis)
    assert (thesis / "chapter.tex").read_text() == "years of work"
    with pytest.raises(UsageError, match="cannot be written"):
        report(store, thesis / "chapter.tex" / "report")
    assert [path.name for path in thesis.iterdir()] == ["chapter.tex"]


def test_stale_pages_go_and_a_failed_report_keeps_the_old_one(tmp_path, monkeypatch):
    store = Store(tmp_path)
    usual(store)
    folder = report(store)
    assert (folder / "cell-j0.html").is_file()
    store.record_path("j0").unlink()
    before = sorted(path.name for path in folder.iterdir())
    monkeypatch.setattr(site.Site, "data", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(UsageError, match="No space left"):
        report(store)
    assert sorted(path.name for path in folder.iterdir()) == before
    monkeypatch.undo()
    report(store)
    assert not (folder / "cell-j0.html").exists()
    assert not (folder / "method-jigsaw.html").exists()
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".tmp")]


def test_the_same_records_give_the_same_report(made, tmp_path):
    store, _ = made
    first, second = report(store, tmp_path / "one"), report(store, tmp_path / "two")
    files = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(second) for path in second.rglob("*") if path.is_file())
    assert all((first / name).read_bytes() == (second / name).read_bytes() for name in files)


@pytest.mark.seconds
def test_many_rows_are_bounded_and_told(tmp_path, monkeypatch, capsys):
    store = Store(tmp_path)
    usual(store)
    for k in range(12):
        record(store, f"m{k}", "jigsaw", saliency_items(0.3 + k / 100, k), changed={"jigsaw.tile": k})
    monkeypatch.setattr(gather, "MOST_ROWS", 6)
    monkeypatch.setattr(cell_page, "MOST", 4)
    folder = write_report(store, tmp_path / "report", Progress(quiet=False)).parent
    board = (folder / "index.html").read_text()
    assert "9 further rows are left out" in board
    for row in ("trivial:centre", ">random<", "jigsaw tile=11"):
        assert row in board
    assert "jigsaw tile=0<" not in board, "of the others the best stay"
    assert len(list(folder.glob("cell-*.html"))) == 4
    assert "11 runs" in capsys.readouterr().err


# --- figures of items


def test_of_a_mean_the_items_have_their_values_and_of_a_set_the_series(made):
    store, _ = made
    sets = {test.title.split()[0]: test for test in items.test_sets(store, gather.gather(store))}
    gaze, boxes = sets["saliency"], sets["detection"]
    assert set(gaze.runs) == {"t0", "r0", "j0"}
    cc = gaze.metrics["cc"]
    assert not cc.by_series
    np.testing.assert_allclose(cc.values["j0"], saliency_items(0.40, 2)["cc"], rtol=1e-5)
    ap = boxes.metrics["ap"]
    assert ap.by_series
    assert len(ap.values["d1"]) == SERIES
    own = detection_items(0.6, 2)
    for k, name in enumerate(boxes.all_series):
        alone = take(own, np.flatnonzero(own["series"] == name))
        assert ap.values["d1"][k] == pytest.approx(detection.aggregate(alone)["ap"], rel=1e-5)
    again = items.test_sets(store, gather.gather(store))
    assert [test.metrics for test in again] == [
        gaze.metrics if test.title == gaze.title else boxes.metrics for test in again
    ]


def test_items_of_another_file_are_compared_with_nothing(tmp_path):
    store = Store(tmp_path)
    usual(store)
    store.items_path("j0").write_bytes(b"something else")
    (test,) = items.test_sets(store, gather.gather(store))
    assert set(test.runs) == {"t0", "r0"}


@pytest.fixture
def on_synth(small_synth, tmp_path):
    """Two cells on the test items of a copy of synth, as a run of it records them."""
    data = open_dataset(str(small_synth), "quick", (), tmp_path)
    there = data.items("saliency", "test")
    store = Store(tmp_path)
    told = data_used(fingerprint=data.fingerprint(), version=3)
    for k, method in enumerate(("random", "jigsaw")):
        own = saliency_items(0.3, k, series=1, each=len(there))
        own |= {"id": np.array([i.id for i in there]), "series": np.array([i.series for i in there])}
        request = {"typed": ["--method", method], "resolved": {"data": str(small_synth), "sets": []}}
        record(store, f"s{k}", method, own, data=told, request=request)
    return store, there


def test_thumbnails_come_from_the_files_of_the_dataset(on_synth, capsys):
    store, there = on_synth
    folder = report(store)
    made = sorted((folder / "pictures").glob("item-*.jpg"))
    assert len(made) == len(there)
    assert max(Image.open(made[0]).size) == thumbnails.SIDE
    measured = store.read("s0")
    changed = measured.but(data={**measured.data.model_dump(), "fingerprint": "0" * 20})
    with pytest.raises(UsageError, match="have changed since the run"):
        thumbnails.dataset_of(store, changed)
    changed = measured.but(request={"resolved": {"data": "evil.py:Reader"}})
    with pytest.raises(UsageError, match="plugin"):
        thumbnails.dataset_of(store, changed)


def test_the_report_imports_no_torch(on_synth):
    store, there = on_synth
    code = (
        "import sys\nfrom inkbench.benchmark.cli.main import main\n"
        f"status = main(['report', '--results', {str(store.root)!r}, '--quiet'])\n"
        "print(status, 'LOADED', [name for name in ('torch', 'timm', 'pandas', 'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines() == [str(store.root / "report" / "index.html"), "0 LOADED []"]
    assert done.stderr == ""
    assert len(list((store.root / "report" / "pictures").glob("item-*.jpg"))) == len(there)


# --- drawings and names


def test_axes_hold_their_values_and_have_round_ticks():
    axis = svg.fitted([0.31, 0.57], 0, 100)
    assert axis.at(0.31) < axis.at(0.57)
    assert 0 <= axis.at(0.31) <= axis.at(0.57) <= 100
    assert [svg.number(tick) for tick in axis.ticks()] == ["0.3", "0.35", "0.4", "0.45", "0.5", "0.55"]
    decades = svg.fitted([10, 90_000], 0, 100, log=True)
    assert [svg.number(tick) for tick in decades.ticks()] == ["10", "100", "1000", "10k", "100k"]
    assert decades.at(1000) - decades.at(100) == pytest.approx(decades.at(100) - decades.at(10), abs=0.02)
    flat = svg.fitted([5.0], 0, 100)
    assert 0 < flat.at(5.0) < 100


def test_names_of_files_are_safe_and_their_own():
    names = ["a", "a/b", "a b", "../x", "", "<script>", "é" * 300, "predictions:deep gaze", "trivial:centre"]
    made = [slug(name) for name in names]
    assert len(set(made)) == len(names)
    assert all(Path(name).name == name and name.isascii() and 0 < len(name) < 90 for name in made)
