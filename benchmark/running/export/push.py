"""A folder as a repository of Hugging Face's hub, by its own client; tokens are the client's own and never shown."""

from __future__ import annotations

import os
from pathlib import Path

from inkbench.benchmark.errors import RunError, UsageError
from inkbench.benchmark.networks.hub import answers

HUB = "https://huggingface.co"
LOCAL = ("/", "./", "../", "~", "file://")
"""The beginnings of what names a folder of this machine, and no repository."""
LOGIN = "log in with: hf auth login (or set HF_TOKEN to a token that may write)"
SAID = {
    401: f"the hub does not know the token; {LOGIN}",
    403: "the token may not write there; take one with the right to, or another OWNER",
    404: "the hub does not find it, or the token may not see it; check OWNER/NAME",
    413: "the hub finds it too large",
    429: "the hub asks to wait; push again later",
}


def local_folder(repository: str) -> Path | None:
    """Return the folder that ``--push`` names; None where it names a repository."""
    if repository in (".", "..") or repository.startswith(LOCAL):
        return Path(repository.removeprefix("file://")).expanduser()
    return None


def require_hub(repository: str) -> None:
    """Raise UsageError where a repository cannot be pushed to from here: its name, the network, a token."""
    from huggingface_hub import constants, get_token
    from huggingface_hub.utils import HFValidationError, validate_repo_id

    try:
        validate_repo_id(repository)
    except HFValidationError:  # whose text repeats what was typed, which may hold a password
        raise UsageError("--push takes a repository OWNER/NAME of the hub, or a folder as ./DIR or /DIR") from None
    if constants.HF_HUB_OFFLINE:
        raise UsageError(f"{repository} cannot be pushed: HF_HUB_OFFLINE is set; unset it, or push to a folder ./DIR")
    if get_token() is None:
        raise UsageError(f"{repository} cannot be pushed without a token of the hub; {LOGIN}")
    if not answers(_endpoint()):
        raise UsageError(f"{repository} cannot be pushed: the hub does not answer; push to a folder ./DIR meanwhile")


def push(folder: Path, repository: str, private: bool, message: str) -> str:
    """Make the repository where it is not there, and commit the files of ``folder`` to it; gives its address.

    Raises RunError in words of ours: the client's errors may repeat headers and addresses.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.utils import disable_progress_bars

    disable_progress_bars()
    api = HfApi(endpoint=_endpoint(), library_name="inkbench")
    try:
        made = api.create_repo(repository, private=private, exist_ok=True)
        api.upload_folder(repo_id=made.repo_id, folder_path=folder, commit_message=message)
    except HfHubHTTPError as error:
        status = error.response.status_code
        why = SAID.get(status, f"the hub answered {status}")
        raise RunError(f"{repository} was not pushed: {why}") from None
    except Exception as error:  # the client's HTTP library and its uploader have their own
        raise RunError(f"{repository} was not pushed ({type(error).__name__}); try again") from None
    return str(made)


def _endpoint() -> str:
    """Return the address of the hub that is pushed to: never a mirror that weights are fetched from."""
    return os.environ.get("HF_ENDPOINT") or HUB
