"""No image is opened but as one of named formats: Pillow tries all others, and for EPS it starts Ghostscript."""

import ast

import layers

OPENS = ("Image.open",)


def test_every_image_is_opened_as_one_of_named_formats():
    opened = []
    for name, path in layers.modules().items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(OPENS):
                opened.append(name)
                assert "formats" in {keyword.arg for keyword in node.keywords}, f"{path}:{node.lineno}"
    assert len(opened) >= 5


def test_images_are_read_by_pillow_alone():
    """What reads images has one limit of pixels: no ``imread`` of another library."""
    for path in layers.modules().values():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute):
                assert node.attr not in ("imread", "imdecode", "read_image", "default_loader"), f"{path}:{node.lineno}"


def test_archives_are_opened_by_the_extractor_alone():
    allowed = {"benchmark.archives.sources", "submissions.pack", "benchmark.networks.checkpoint_file"}
    for name, path in layers.modules().items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and ast.unparse(node) in (
                *("zipfile.ZipFile", "tarfile.open", "tarfile.TarFile", "shutil.unpack_archive"),
            ):
                assert name in allowed, f"{path}:{node.lineno}"
            assert getattr(node, "attr", "") not in ("extractall", "unpack_archive"), f"{path}:{node.lineno}"
