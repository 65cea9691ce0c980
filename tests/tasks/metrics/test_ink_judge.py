"""The judge that is shipped: its checksum, its card, what it sees; and judges whose weights are given."""

import hashlib
import json

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from inkbench.tasks.metrics import given_judges, ink
from inkbench.tasks.metrics.inpainting import METRICS
from inkbench.tasks.metrics.kid import kid


def faces(seed, count):
    """Heads with eyes, in colours: enough of a face to be blurred."""
    r = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        image = Image.new("RGB", (64, 64), tuple(r.integers(0, 256, 3).tolist()))
        draw = ImageDraw.Draw(image)
        x, y = (int(value) for value in r.integers(4, 16, 2))
        draw.ellipse((x, y, x + 44, y + 46), fill=tuple(r.integers(80, 256, 3).tolist()), outline=(0, 0, 0), width=2)
        for left in (x + 12, x + 28):
            draw.ellipse((left, y + 16, left + 6, y + 22), fill=(255, 255, 255), outline=(0, 0, 0))
        draw.line((x + 14, y + 36, x + 32, y + 34 + int(r.integers(-3, 6))), fill=(90, 0, 0), width=2)
        made.append(np.asarray(image))
    return np.stack(made)


def blurred(images, radius):
    return np.stack([np.asarray(Image.fromarray(one).filter(ImageFilter.GaussianBlur(radius))) for one in images])


def test_the_file_is_the_one_that_code_and_card_tell_of():
    content = ink.FILE.read_bytes()
    card = json.loads(ink.FILE.with_name("ink.json").read_text())
    assert hashlib.sha256(content).hexdigest() == ink.CHECKSUM == card["sha256"]
    assert len(content) < 2_000_000
    assert card["held_out"]["val"]["rank-1"] > 3 * card["held_out"]["val"]["chance"]
    assert {"fingerprint", "synth"} <= card["data"].keys()


def test_the_checksum_is_part_of_the_definition_of_what_the_judge_says():
    versions = {metric.name: metric.version for metric in METRICS}
    judged = [name for name in versions if "ink" in name]
    assert len(judged) == 7
    over_all_pairs = [name for name in versions if name.startswith("kid") and not name.endswith(",paired]")]
    for name, version in versions.items():
        own = int(ink.CHECKSUM[:8], 16) if name in judged else 1
        assert version == own + (name in over_all_pairs), "kid was the paired distance once"
    assert METRICS[0].name == "kid[ink,paired]"
    assert METRICS[0].direction == "min"


def test_other_weights_are_refused_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(ink, "FILE", tmp_path / "ink.safetensors")
    ink.FILE.write_bytes(b"other")
    ink._network.cache_clear()
    with pytest.raises(ValueError, match="not the judge that this version scores with") as refused:
        ink.look(faces(0, 1))
    assert "\n" not in str(refused.value)


def test_a_face_is_judged_alone_and_the_same_each_time():
    ink._network.cache_clear()
    some = faces(0, 70)
    features, embedded = ink.look(some)
    assert features.shape == (70, 128)
    assert np.linalg.norm(embedded, axis=1) == pytest.approx(1, abs=1e-5)
    again = ink.look(some)
    assert np.array_equal(features, again[0])
    assert ink.look(some[66:])[0] == pytest.approx(features[66:], abs=1e-4)


def test_blur_is_seen_the_more_the_stronger_it_is():
    real = ink.look(faces(1, 120))[0]
    other = faces(2, 120)
    distances = [kid(ink.look(blurred(other, radius))[0], real) for radius in (0, 2, 4, 8)]
    assert distances == sorted(distances)
    assert distances[1] > distances[0] + 0.05


def test_a_judge_that_is_not_here_says_where_it_should_be(tmp_path, monkeypatch):
    monkeypatch.setenv(given_judges.HOME, str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    for judge, given in given_judges.FILES.items():
        with pytest.raises(ValueError, match=f"'{judge}' needs {given.file} in {tmp_path}") as refused:
            given_judges.require(judge)
        assert "\n" not in str(refused.value)
    (tmp_path / given_judges.FILES["inception"].file).write_bytes(b"something else")
    with pytest.raises(ValueError, match="is not the file that inception needs"):
        given_judges.require("inception")


def test_pools_without_padding():
    torch = pytest.importorskip("torch")
    maps = torch.randn(2, 3, 5, 9, generator=torch.Generator().manual_seed(0))
    pooled = torch.nn.functional.avg_pool2d(maps, 3, 1, 1)
    expected = torch.nn.functional.avg_pool2d(maps, 3, 1, 1, count_include_pad=False)
    assert torch.allclose(given_judges._without_padding(pooled), expected, atol=1e-6)


def test_given_weights_judge(shared, monkeypatch):
    monkeypatch.setenv(given_judges.HOME, str(shared / "weights"))
    some = faces(3, 4)
    features = given_judges.features("fd768", some)
    assert features.shape == (4, 768)
    assert np.isfinite(features).all()
    assert given_judges.features("fd768", some[2:]) == pytest.approx(features[2:], abs=1e-3)
    distances = [
        given_judges.lpips("lpips-squeeze-caffe", some, other).mean()
        for other in (some, blurred(some, 1), blurred(some, 4))
    ]
    assert distances[0] == 0
    assert distances == sorted(distances)
    assert distances[1] > 0.01
