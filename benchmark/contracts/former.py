"""The former names of what a plugin's class defines."""

from __future__ import annotations

import warnings
from collections.abc import Mapping


def take_former_names(cls: type, names: Mapping[str, str]) -> None:
    """Take what a class defines under a former name, with a warning; ``names`` maps each to the present one.

    What a class defines under the present name is found under the former one too: a plugin's subclass may ask
    ``super()`` for it. For use in ``__init_subclass__``, whose caller the warning names.
    """
    for former, name in names.items():
        if former in cls.__dict__ and name not in cls.__dict__:
            warnings.warn(f"{cls.__name__}.{former} is called {name} now", DeprecationWarning, stacklevel=4)
            setattr(cls, name, cls.__dict__[former])
        elif name in cls.__dict__ and former not in cls.__dict__:
            setattr(cls, former, cls.__dict__[name])
