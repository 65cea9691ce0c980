"""iCartoonFace: cartoon frames with boxes of faces (detection), faces of characters by identity (recognition)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path, PurePosixPath

from inkbench.benchmark.contracts.dataset import Item, Kind, SeriesBy, Split
from inkbench.benchmark.data.boxes import Corners, panel_crop
from inkbench.benchmark.data.csvfile import rows_of
from inkbench.benchmark.data.filenames import one_name, suffix_of, without_suffix
from inkbench.benchmark.data.files import folders, images_below, stem_of, texts_in
from inkbench.benchmark.data.named import below
from inkbench.benchmark.data.reading.boxed_images import BoxedImages
from inkbench.benchmark.data.splits import Series, by_prefix, carved, few, read_sidecar, with_held_out
from inkbench.benchmark.data.texts import before_numbers, lines_of, number, whole
from inkbench.benchmark.errors import UsageError, brief, plural

DETECTION: dict[str, Split] = {"dettrain": "train", "detval": "val"}
RECOGNITION: dict[str, Split] = {"rectrain": "train", "rectest": "test"}
NOBODY = -1
"""The label of a face in the gallery of recognition that is none of the characters."""


class ICartoonFace(BoxedImages):
    """iCartoonFace (Zheng et al. 2020), the part for detection, the part for recognition, or both in one folder.

    Detection: images of ``detval`` are the test split, a tenth of ``dettrain`` validation; an image without a line
    stays, so that what is found there counts against a detector (the FaceDetector scripts skip it). Recognition: faces
    are cut out by their boxes. All faces of a split are one series, because a character differs from every other; a
    tenth of the characters of ``rectrain`` is validation. A face labelled -1 is nobody's: it has an identity of its
    own, so it distracts and is never asked for.
    """

    name = "icartoonface"
    licence = "for research, non-commercial; to be asked for on the homepage"
    citation = (
        "Zheng, Zhao, Ren, Yan, Lu, Liu, Li: Cartoon Face Recognition: A Benchmark Dataset. ACM Multimedia 2020, arXiv "
        "1907.13394"
    )
    homepage = "https://github.com/luxiangju-PersonAI/iCartoonFace"
    layout = (
        "*dettrain.csv, *detval.csv (no header, lines FILE,X1,Y1,X2,Y2[,face]); *rectrain*.txt, *rectest*.txt (lines "
        "FILE X1 Y1 X2 Y2 LABEL, LABEL -1 for nobody; without LABEL the file's folder is it); the images anywhere below"
    )
    whole = frozenset({"panels", "boxes:face", "faces", "identities"})
    terms = "research, non-commercial, on request"
    specific = 2
    labels = frozenset({"face"})

    @classmethod
    def recognises(cls, root: Path) -> bool:
        """Return whether any of the lists is there."""
        return bool(_lists(root, DETECTION, ".csv") or _lists(root, RECOGNITION, ".txt"))

    def offers(self) -> frozenset[str]:
        """Return panels with boxes of faces, and faces with identities, as far as there are lists of them."""
        boxed = super().offers() if self._detection else frozenset[str]()
        return boxed | (frozenset({"faces", "identities"}) if self._recognition else frozenset())

    @cached_property
    def _detection(self) -> dict[Path, str]:
        return _lists(self.root, DETECTION, ".csv")

    @cached_property
    def _recognition(self) -> dict[Path, str]:
        return _lists(self.root, RECOGNITION, ".txt")

    @cached_property
    def _images(self) -> dict[str, list[Path]]:
        """Every image below the folder by its file's name; several of one name are told apart by their folders."""
        found: dict[str, list[Path]] = {}
        for file in images_below(self.root):
            found.setdefault(_spelled(file.name), []).append(file)
        return found

    def _find(self, name: str, part: str, where: str) -> Path:
        """Find the image of a line: the one whose path ends so, of several that of its part. Raises UsageError."""
        wanted = PurePosixPath(one_name(name.strip().replace("\\", "/")))
        near = self._images.get(_spelled(wanted.name), [])
        above = wanted.parts[:-1]
        ends = [file for file in near if _above(file, len(above)) == above] or near
        mine = [file for file in ends if any(part in above.lower() for above in file.relative_to(self.root).parts)]
        chosen = mine or ends
        if len(chosen) > 1:
            raise UsageError(f"{where}: {few(chosen)} are all called {name}; keep one of them")
        return chosen[0] if chosen else below(self.root, wanted.name, where)

    # --- detection
    @cached_property
    def _faces_in(self) -> dict[Path, tuple[Split, list[tuple[str, Corners]]]]:
        """Split and faces, each with its line, of every image that a list names or whose path says its part."""
        found: dict[Path, tuple[Split, list[tuple[str, Corners]]]] = {}
        for path, part in self._detection.items():
            for line, row in rows_of(path):
                if len(row) not in (5, 6):
                    raise UsageError(
                        f"{path}:{line}: {plural(len(row), 'value')}, not FILE,X1,Y1,X2,Y2 and perhaps a class"
                    )
                x0, y0, x1, y1 = (number(path, line, text, "a corner") for text in row[1:5])
                file = self._find(row[0], part, f"{path}:{line}")
                split, faces = found.setdefault(file, (DETECTION[part], []))
                if split != DETECTION[part]:
                    raise UsageError(f"{path}:{line}: {row[0]} is also in the other list")
                faces.append((f"{path}:{line}", (x0, y0, x1, y1)))
        for file in (file for files in self._images.values() for file in files):
            parts = [part for part in DETECTION if part in file.relative_to(self.root).as_posix().lower()]
            if parts and file not in found:
                found[file] = (DETECTION[parts[-1]], [])
        names = Counter(stem_of(file) for file in found)
        if twice := [name for name, count in names.items() if count > 1]:
            raise UsageError(f"{self.root} contains several images called {few(twice)}; keep one of each")
        return found

    @cached_property
    def _boxed(self) -> list[Item]:
        given = {file.relative_to(self.root).as_posix(): split for file, (split, _) in self._faces_in.items()}
        known = self._known(given)
        items = []
        for file, (_, faces) in self._faces_in.items():
            name = file.relative_to(self.root).as_posix()
            size = self.size(file) if file.is_file() else None
            mended = (self.mended("face", corners, size, f"{where}: box") for where, corners in faces)
            if faces:
                self.fits(file, None)
            boxes = self.once((box for box in mended if box), faces[0][0] if faces else "")
            series, of = known[name]
            items.append(Item(stem_of(file), file, series, of.split, style=of.style, boxes=boxes, labels=self.labels))
        return items

    @property
    def series_by(self) -> SeriesBy:
        """The way in which series were found: images are from all over the web, each a series of its own."""
        return "image" if read_sidecar(self.root) is None else "sidecar"

    def _known(self, given: dict[str, Split]) -> dict[str, tuple[str, Series]]:
        sidecar = read_sidecar(self.root)
        if sidecar is None:
            return {name: (PurePosixPath(name).stem, Series(split)) for name, split in with_held_out(given).items()}
        stems = {name: PurePosixPath(name).stem for name in given}
        series = by_prefix(stems.values(), sidecar, self.root)
        return {name: (series[stem], sidecar[series[stem]]) for name, stem in stems.items()}

    # --- recognition
    @cached_property
    def _faces(self) -> list[Item]:
        rows = [(path, part, *row) for path, part in self._recognition.items() for row in _rows(path)]
        people = {who for _, part, _, _, _, who in rows if part == "rectrain"}
        held_out = carved(people) if len(people) > 1 else frozenset[str]()
        items = []
        seen: set[str] = set()
        for path, part, line, name, corners, who in rows:
            file = self._find(name, part, f"{path}:{line}")
            if stem_of(file) in seen:
                raise UsageError(f"{path}:{line}: {file.name} appears twice")
            seen.add(stem_of(file))
            size = self.size(file) if file.is_file() else None
            self.fits(file, None)
            inside = self.rules.mended(corners, size, f"{path}:{line}: box")
            if inside is None:
                continue
            split: Split = "test" if part == "rectest" else "val" if who in held_out else "train"
            identity = f"nobody {stem_of(file)}" if who == str(NOBODY) else who
            items.append(
                Item(stem_of(file), file, split, split, crop=panel_crop(inside), identity=identity, panel=stem_of(file))
            )
        return items

    def classes(self, of: str = "labelled") -> tuple[str, ...]:
        """Return the characters of the test faces for ``identities``, by name; nobody is none of them."""
        if of != "identities" or not self._recognition:
            return ()
        shown = {item.identity or "" for item in self._faces if item.split == "test"}
        return tuple(sorted(who for who in shown if not who.startswith("nobody ")))

    def boxed(self) -> list[Item]:
        """Return every image for detection that a list names or whose path says its part."""
        return self._boxed

    def read(self, kind: Kind) -> list[Item]:
        """Return the images for detection, or the faces for recognition."""
        return self._faces if kind == "faces" else super().read(kind)

    def files(self) -> list[Path]:
        """Return the lists and every image that they stand for."""
        images: Iterable[Path] = [*self._faces_in, *(item.path for item in self._faces)]
        return [*self._detection, *self._recognition, *(file for file in images if file.is_file())]


def _lists(root: Path, parts: Iterable[str], suffix: str) -> dict[Path, str]:
    """Return the lists of the parts, in the folder or in one of its folders."""
    found = {}
    for part in parts:
        for file in sorted(file for folder in (root, *folders(root)) for file in texts_in(folder, suffix)):
            if part in file.stem.lower():
                found[file] = part
    return found


def _rows(path: Path) -> Iterable[tuple[int, str, Corners, str]]:
    """Yield the line, file, corners and character of each face of a list. Raises UsageError."""
    for line, text in lines_of(path):
        name, parts = before_numbers(text)
        if len(parts) not in (4, 5):
            raise UsageError(f"{path}:{line}: {brief(text)} is not FILE X1 Y1 X2 Y2 LABEL")
        x0, y0, x1, y1 = (number(path, line, part, "a corner") for part in parts[:4])
        folder = PurePosixPath(one_name(name.replace("\\", "/"))).parent.name
        if len(parts) == 4 and not folder:
            raise UsageError(
                f"{path}:{line}: {brief(text)} has no label, and its file is in no folder that could be the label"
            )
        who = str(whole(path, line, parts[4], "the label")) if len(parts) == 5 else folder
        yield line, name, (x0, y0, x1, y1), who


def _spelled(name: str) -> str:
    """Return the spelling by which a file is looked for: one Unicode form, its suffix in small letters."""
    return one_name(without_suffix(name)) + suffix_of(name)


def _above(file: Path, count: int) -> tuple[str, ...]:
    """Return the names of the ``count`` folders above a file."""
    return tuple(one_name(part) for part in file.parts[-count - 1 : -1])
