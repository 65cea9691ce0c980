"""How it is drawn: the same bytes whatever the workers and kills, dials that act, colour that does not tell who."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import numpy as np
import pytest
from PIL import Image

from inkbench.benchmark.data.synth import make as making
from inkbench.benchmark.data.synth import words
from inkbench.benchmark.data.synth.cast import make_cast
from inkbench.benchmark.data.synth.config import SynthConfig
from inkbench.benchmark.data.synth.dataset import Synth
from inkbench.benchmark.data.synth.layout import make_layout
from inkbench.benchmark.data.synth.lettering import STROKES
from inkbench.benchmark.data.synth.page import draw_page
from inkbench.benchmark.data.synth.printing import edge_code, print_panel
from inkbench.benchmark.data.synth.sheet import sheet
from inkbench.benchmark.data.synth.style import make_style
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.seeding import derive
from inkbench.benchmark.store.files import key_of

ROOT = Path(__file__).resolve().parents[3]
TINY = SynthConfig(series=6, pages=1, panels=4, width=400, height=560, viewers=2)
QUIET = Progress(quiet=True)


def checksums(root: Path) -> dict[str, str]:
    hidden = {".lock", making.DRAWN}
    files = [path for path in sorted(root.rglob("*")) if path.is_file() and not hidden & set(path.parts)]
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("tiny") / "copy"
    making.make(root, TINY, QUIET, workers=1)
    return root


@pytest.mark.seconds
def test_bytes_do_not_depend_on_the_workers(tiny, tmp_path):
    making.make(tmp_path, TINY, QUIET, workers=3)
    assert checksums(tmp_path) == checksums(tiny)


@pytest.mark.seconds
def test_a_killed_drawing_goes_on_to_the_same_bytes(tiny, tmp_path):
    """SIGKILL hits the process while series are in work; nothing half-written passes for whole."""
    code = (
        "import sys; from pathlib import Path; from inkbench.benchmark.data.synth.config import SynthConfig;"
        "from inkbench.benchmark.data.synth.make import make; from inkbench.benchmark.progress import Progress;"
        "make(Path(sys.argv[1]), SynthConfig.model_validate_json(sys.argv[2]), Progress(quiet=True), workers=1)"
    )
    command = [sys.executable, "-c", code, str(tmp_path), TINY.model_dump_json()]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)})
    home = tmp_path / making.DRAWN
    deadline = time.monotonic() + 120
    while not (home / "1").is_dir() and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (home / "1").is_dir()
    assert not (tmp_path / making.MARKER).exists()
    assert making.read_marker(tmp_path) is None
    with pytest.raises(UsageError, match="not drawn yet"):
        Synth(tmp_path, TINY).items("pages", "test")
    making.make(tmp_path, TINY, QUIET, workers=2)
    assert checksums(tmp_path) == checksums(tiny)


def test_a_finished_copy_is_left_alone(tiny):
    before = {path: path.stat().st_mtime_ns for path in tiny.rglob("*") if path.is_file() and path.name != ".lock"}
    making.make(tiny, TINY, QUIET)
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_other_settings_are_refused(tiny):
    with pytest.raises(UsageError, match="other settings"):
        making.make(tiny, TINY.model_copy(update={"seed": 1}), QUIET)


def test_a_copy_knows_its_own_settings(tiny):
    assert Synth(tiny).config == TINY
    assert Synth(tiny, SynthConfig()).config == TINY, "a preset's settings ask for nothing in particular"
    with pytest.raises(UsageError, match="other settings"):
        Synth(tiny, TINY.model_copy(update={"seed": 7})).prepare(QUIET)
    assert Synth(tiny).fingerprint() == making.fingerprint(TINY)
    assert Synth.recognises(tiny)
    assert not Synth.recognises(tiny / "comics")


def test_the_fingerprint_needs_no_drawing(tmp_path):
    prints = {Synth(tmp_path / "none", SynthConfig(seed=seed)).fingerprint() for seed in (0, 1)}
    assert len(prints) == 2
    assert not (tmp_path / "none").exists()


@pytest.mark.seconds
def test_one_layout_alone(tmp_path):
    making.make(tmp_path, TINY, QUIET, layouts=("comics",))
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ["comics", "labels"]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_default_has_two_thousand_panels_and_smoke_few(seed):
    def panels(config: SynthConfig) -> int:
        count = 0
        for series in range(config.series):
            style = make_style(seed, series)
            for page in range(config.pages):
                rng = Random(derive(seed, "page", series, page))
                count += len(make_layout(rng, config.width, config.height, style, config.panels))
        return count

    assert panels(SynthConfig(seed=seed)) >= 2000
    assert panels(SynthConfig.resolve("synth", "smoke")) <= 150


def drawn(**dials) -> np.ndarray:
    config = TINY.model_copy(update=dials)
    style = make_style(config.seed, 0)
    return np.asarray(draw_page(config, 0, 0, style, make_cast(config.seed, 0, style)).image).astype(int)


DIALS = ("vignette", "misregistration", "halftone", "frame_lines", "edge_code", "paper")
PLAIN = dict.fromkeys(DIALS, 0.0)


@pytest.mark.parametrize("dial", DIALS)
def test_a_dial_changes_the_print_the_more_the_further(dial):
    none, some, full = (drawn(**{**PLAIN, dial: value}) for value in (0.0, 0.4, 1.0))
    assert np.abs(full - none).mean() > np.abs(some - none).mean() > 0


def test_without_dials_the_sheet_is_white_and_panels_have_no_border():
    plain = drawn(**PLAIN)
    framed = drawn(**{**PLAIN, "frame_lines": 1.0})
    assert (plain[:8] == 255).all()
    changed = np.abs(plain - framed).sum(axis=2) > 0
    assert 0.002 < changed.mean() < 0.05


def test_locked_halftone_starts_at_the_panels_corner():
    """The same tint printed in two panels has the same dots when the phase is locked, others when it is not."""
    style = make_style(0, 0)
    tint = Image.new("RGB", (64, 64), (150, 190, 210))

    def twice(phase: float) -> tuple[np.ndarray, np.ndarray]:
        config = SynthConfig(**{**PLAIN, "halftone": 1.0, "halftone_phase": phase})
        first, second = (print_panel(tint, style, config, ((0, 0),) * 3, np.random.default_rng(k)) for k in (1, 2))
        return first, second

    locked, free = twice(1.0), twice(0.0)
    assert (locked[0] == locked[1]).all()
    assert (free[0] != free[1]).any()
    assert np.ptp(locked[0].astype(int)) > 30


def test_edge_code_tells_the_place_along_a_border():
    coded = edge_code(np.full((90, 120, 3), 128, dtype=np.uint8), 1.0).astype(int)
    assert coded[0, 0, 0] < coded[0, 60, 0] < coded[0, -1, 0]
    assert coded[0, 0, 2] < coded[45, 0, 2] < coded[-1, 0, 2]
    assert (coded[10:-10, 10:-10] == 128).all()


def test_without_drawing_panels_are_blank_and_their_labels_stay():
    config = TINY.model_copy(update={**PLAIN, "drawing": 0.0})
    style = make_style(config.seed, 0)
    cast = make_cast(config.seed, 0, style)
    pages = [draw_page(config.model_copy(update={"drawing": dial}), 0, 0, style, cast) for dial in (0.0, 1.0)]
    blank, whole = (np.asarray(page.image).astype(int) for page in pages)
    assert blank.std() < 0.8 * whole.std()
    assert pages[0].panels == pages[1].panels
    box = pages[0].panels[0]["box"]
    inside = blank[box[1] + 20 : box[3] - 20, box[0] + 20 : box[2] - 20]
    assert np.ptp(inside.reshape(-1, 3), axis=0).max() <= 1


def test_a_dial_that_came_later_leaves_older_copies_good():
    plain = SynthConfig()
    before = {name: value for name, value in plain.model_dump(mode="json").items() if name != "drawing"}
    assert making.fingerprint(plain) == key_of({"generator": making.GENERATOR, "settings": before})
    assert making.fingerprint(plain) != making.fingerprint(SynthConfig(drawing=0.5))


def test_every_letter_of_every_line_can_be_written():
    lists = (words.OPENERS, words.SAYS, words.TELLS, words.NOUNS, words.PLACES, words.TIMES, words.SOUNDS)
    text = "".join("".join(line.format(n="", p="", t="", w="") for line in lines) for lines in lists)
    assert set(text) - {" "} <= set(STROKES)


def test_characters_of_a_series_differ_in_shape():
    for series in range(32):
        cast = make_cast(0, series, make_style(0, series))
        assert 4 <= len(cast) <= 8
        assert len({who.hair for who in cast}) == len(cast)
        assert len({who.pattern for who in cast}) == len(cast)


def histogram(image: Image.Image) -> np.ndarray:
    pixels = np.asarray(image.convert("RGB"))
    bins = [np.histogram(pixels[..., k], 32, (0, 256))[0] for k in range(3)]
    return np.concatenate(bins) / pixels[..., 0].size


def map_at_r(features: np.ndarray, names: np.ndarray) -> float:
    """Mean over queries of (1/R) sum over ranks i <= R of precision(i) * relevant(i), Musgrave et al. 2020."""
    distance = ((features[:, None] - features[None]) ** 2).sum(axis=2)
    np.fill_diagonal(distance, np.inf)
    order = np.argsort(distance, axis=1, kind="stable")
    values = []
    for query, row in enumerate(order):
        others = int((names == names[query]).sum()) - 1
        if others:
            hits = names[row[:others]] == names[query]
            values.append((hits * np.cumsum(hits) / np.arange(1, others + 1)).mean())
    return float(np.mean(values))


@pytest.mark.seconds
def test_colour_does_not_tell_who_is_who(tmp_path):
    """Retrieval by colour histograms (32 bins x 3) of face and body stays below half of the oracle's MAP@R.

    Drawn with the default's styles and casts, two pages of each of 12 series, all in one gallery; more pages
    lower the figure (more of R to be found), more series lower it too (more strangers).
    """
    config = SynthConfig(series=12, pages=2, viewers=1)
    making.make(tmp_path, config, QUIET)
    features, names = [], []
    for series in range(config.series):
        record = json.loads((tmp_path / "labels" / f"{series}.json").read_text())
        for page in record["pages"]:
            for panel in page["panels"]:
                folder = tmp_path / "char_reid" / "comics_crops" / str(series) / f"{page['page']}_{panel['panel']}"
                for one in panel["characters"]:
                    if one["face"] and one["body"]:
                        face = Image.open(folder / "faces" / f"{one['face_index']}.jpg")
                        body = Image.open(folder / "bodies" / f"{one['body_index']}.jpg")
                        features.append(np.concatenate([histogram(face), histogram(body)]))
                        names.append(one["id"])
    labels = np.unique(names, return_inverse=True)[1]
    assert len(labels) > 150
    oracle = map_at_r(np.eye(labels.max() + 1)[labels], labels)
    assert oracle == pytest.approx(1.0)
    assert map_at_r(np.array(features), labels) < 0.5 * oracle


def test_contact_sheet(tiny):
    picture = sheet(tiny, ((0, 0), (1, 0), (2, 0)))
    assert picture.width > 1000
    assert np.asarray(picture).std() > 30
