"""XML and SVG annotations as a tree, read without what makes XML dangerous, and with a line that says what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from inkbench.benchmark import regular
from inkbench.benchmark.errors import UsageError, brief


def xml_of(path: Path) -> Element:
    """Read the root of an XML file; tags and attributes without their namespaces. Raises UsageError.

    A file that declares entities is refused before any is expanded: none of the formats read here has any, and a few
    lines of them can fill a machine's memory. A DOCTYPE alone is well; nothing that it names is fetched.
    """
    builder = TreeBuilder()
    parser = expat.ParserCreate(namespace_separator=" ")

    def start(tag: str, attributes: dict[str, str]) -> None:
        builder.start(_bare(tag), {_bare(name): value for name, value in attributes.items()})

    def entity(name: str, *_: Any) -> None:
        raise UsageError(
            f"{path} declares an entity ({name[:40]}); annotations do not need one; remove the declaration"
        )

    parser.StartElementHandler = start
    parser.EndElementHandler = lambda tag: builder.end(_bare(tag))
    parser.CharacterDataHandler = builder.data
    parser.EntityDeclHandler = entity
    try:
        parser.Parse(regular.read(path), True)
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror})") from None
    except (expat.ExpatError, LookupError, ValueError) as error:  # the last two: encodings that are not known
        raise UsageError(f"{path} is not readable XML: {error}") from None
    return builder.close()


def _bare(name: str) -> str:
    return name.rpartition(" ")[2]


def attribute(element: Element, name: str, where: str) -> str:
    """Return an attribute that must be there. Raises UsageError naming ``where``."""
    value = element.get(name)
    if value is None:
        raise UsageError(f"{where}: <{element.tag}> has no {name}")
    return value


def finite(text: str | None, where: str) -> float:
    """Return a finite number. Raises UsageError naming ``where``."""
    try:
        value = float(text if text is not None else "")
    except ValueError:
        value = float("nan")
    if not abs(value) < float("inf"):
        raise UsageError(f"{where} is {brief(text)}, not a number")
    return value
