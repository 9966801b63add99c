"""The Hugging Face hub, through its own client; the extra ``hub`` brings it."""

from pathlib import Path
from typing import Any

from surrogate_nas import __version__
from surrogate_nas.core import InvalidInputError, MissingExtraError
from surrogate_nas.core.resources import cache_folder

#: What a predictor's folder is made of; nothing else is fetched from a repository.
PATTERNS = ["config.json", "model.safetensors", "booster-*.ubj", "README.md"]


def download(repo_id: str, revision: str | None, cache_dir: Path | None, local_files_only: bool) -> Path:
    """Fetch a repository, or what of it is not in the cache yet, and return its folder.

    Args:
        repo_id: "organisation/name".
        revision: Branch, tag or commit; None is the main branch.
        cache_dir: Where downloads are kept; None is this package's cache.
        local_files_only: Do not touch the network.
    """
    hub = _client(f"reading {repo_id!r} from the Hugging Face hub")
    try:
        folder = hub.snapshot_download(
            repo_id,
            revision=revision,
            cache_dir=cache_folder() / "hub" if cache_dir is None else cache_dir,
            local_files_only=local_files_only,
            allow_patterns=PATTERNS,
            library_name="surrogate-nas",
            library_version=__version__,
        )
    except _failures() as error:
        raise InvalidInputError(
            f"{repo_id}: no such folder, and the hub did not give it ({_first_line(error)}); check the name, or sign "
            "in with `hf auth login` if it is private"
        ) from None
    return Path(folder)


def upload(folder: Path, repo_id: str, *, private: bool | None, revision: str | None, message: str) -> str:
    """Upload a folder as one commit; the repository and the branch are made if they are missing.

    Args:
        folder: What to upload.
        repo_id: "organisation/name".
        private: Whether a new repository is private.
        revision: Branch; None is the main one.
        message: Title of the commit.

    Returns:
        Address of the commit.
    """
    hub = _client(f"uploading to {repo_id!r} on the Hugging Face hub")
    api = hub.HfApi(library_name="surrogate-nas", library_version=__version__)
    try:
        api.create_repo(repo_id, private=private, exist_ok=True)
        if revision is not None:
            api.create_branch(repo_id, branch=revision, exist_ok=True)
        done = api.upload_folder(
            repo_id=repo_id,
            folder_path=folder,
            revision=revision,
            commit_message=message,
            delete_patterns=["booster-*.ubj"],  # a predictor that stood there may have had more of them
        )
    except _failures() as error:
        raise InvalidInputError(
            f"{repo_id}: not uploaded ({_first_line(error)}); sign in with `hf auth login`, and check the name"
        ) from None
    return str(done.commit_url)


def _client(purpose: str) -> Any:
    try:
        import huggingface_hub
    except ImportError:
        raise MissingExtraError.of("huggingface_hub", "hub", purpose) from None
    return huggingface_hub


def _failures() -> tuple[type[Exception], ...]:
    """What the client raises: errors of its own, and those of the HTTP library that it builds on."""
    from huggingface_hub.utils import EntryNotFoundError, HfHubHTTPError

    http = [kind for kind in HfHubHTTPError.__mro__ if kind.__name__ in ("HTTPError", "RequestException")]
    return (OSError, ValueError, EntryNotFoundError, *http)


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {next(iter(str(error).strip().splitlines()), '')[:200]}"
