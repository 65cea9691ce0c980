"""Layouts that leave open which images are one series: a person says it, or it is guessed and told."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Mapping
from functools import cached_property

from inkbench.benchmark.contracts.dataset import SeriesBy, Split
from inkbench.benchmark.data.files import FileDataset
from inkbench.benchmark.data.splits import Series, by_prefix, read_sidecar
from inkbench.benchmark.data.units import Units, by_regex, by_stem, cut_series


class GuessedSeries(FileDataset):
    """A layout that does not say which images are one series."""

    guesses = True

    @property
    @abstractmethod
    def units(self) -> Units:
        """The series of every image that is used, and the splits that folders or lists give."""

    @property
    @abstractmethod
    def placed(self) -> Mapping[str, tuple[str, Series]]:
        """The series of every image that is used, with its split and style."""

    @cached_property
    def sidecar(self) -> dict[str, Series] | None:
        """The contents of ``series.json``; None where there is none."""
        return read_sidecar(self.root)

    @property
    def series_by(self) -> SeriesBy:
        """The way in which series were found."""
        return self.units.by

    @property
    def splits_cut_series(self) -> bool:
        """Return whether folders or lists of splits cut series."""
        return bool(cut_series((series, of.split) for series, of in self.placed.values()))

    def units_by_name(
        self, stems: Mapping[str, str], given: Mapping[str, Split], generic: Collection[str] = ()
    ) -> Units:
        """Return the series of images that lie side by side, from the name of each one's file without suffix.

        Photographs are each a series: they show different things, whatever they are called.
        """
        if self.series_from is not None:
            return Units(by_regex(stems, self.series_from), "regex", given)
        if self.sidecar is not None:
            begun = by_prefix(dict.fromkeys(stems.values()), self.sidecar, self.root)
            return Units({name: begun[stem] for name, stem in stems.items()}, "sidecar", given)
        shared = None if self.photographs else by_stem(stems, generic, bool(given))
        return Units(shared or {name: name for name in stems}, "name" if shared else "image", given)
