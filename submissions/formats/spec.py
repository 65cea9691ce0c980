"""The form of written predictions: what a server asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inkbench.benchmark.errors import UsageError, did_you_mean
from inkbench.submissions.formats.names import flat

OWN = "own"
TRUTH = "truth"
UNVERIFIED = "the AI4VA challenge's server has closed and its specification was never public: unverified"


@dataclass(frozen=True, slots=True)
class Spec:
    """``form``: one of the task's forms, None for its usual one. The rest is for one file an item.

    ``names``: the file's name without suffix, ``{stem}`` for the item's. ``folder``: where the files lie in the zip,
    none for its root. Of saliency maps: ``floor``, the least grey value of a PNG (a zero under the truth's mass is
    catastrophic for KLD); ``depth``, bits of a PNG; ``size``: ``truth``, ``own`` (as predicted) or ``WIDTHxHEIGHT``.
    """

    form: str | None = None
    floor: int = 1
    depth: int = 8
    size: str = TRUTH
    names: str = "{stem}"
    folder: str = ""

    def form_of(self, forms: Sequence[str], task: str) -> str:
        """Return the form to write. Raises UsageError for one that there is not."""
        if self.form is None:
            return forms[0]
        if self.form not in forms:
            raise UsageError(f"{task} is not written as '{self.form}'{did_you_mean(self.form, forms)}")
        return self.form

    def name_of(self, item: str, suffix: str) -> str:
        """Return the name of an item's file.

        Raises UsageError for a template without ``{stem}``, or with anything else.
        """
        if self.names.count("{stem}") != 1 or set("{}/\\") & set(self.names.replace("{stem}", "")):
            raise UsageError(
                f"names '{self.names}': give a file's name with {{stem}} in it once, without folder or suffix"
            )
        return self.path_of(self.names.replace("{stem}", flat(item)) + suffix)

    def path_of(self, name: str) -> str:
        """Return a file's name in the zip."""
        if not self.folder:
            return name
        if "\\" in self.folder or any(part in ("", ".", "..") for part in self.folder.split("/")):
            raise UsageError(f"folder '{self.folder}': give a folder's name within the zip, such as results")
        return f"{self.folder}/{name}"


SPECS = {
    "plain": (Spec(), "a flat zip"),
    "ai4va": (Spec("png", 1, 8, TRUTH), f"a flat zip of 8-bit PNG maps at the truth map's size; {UNVERIFIED}"),
}
"""What servers ask for, by name, with what a manifest says of it."""
