"""Predictors to share: in folders, with the package, and on the Hugging Face hub.

A folder that ``save_pretrained`` writes follows the hub's convention: ``config.json``, ``model.safetensors`` and a
model card, ``README.md``. What ships with the package stands in the registry with its SHA-256. It answers a user's
questions at once and serves nothing else: whoever fits, evaluates or compares learns from tables.
"""

import re
import tomllib
from pathlib import Path
from typing import Any, Self

from surrogate_nas.core import InvalidInputError
from surrogate_nas.core.resources import data_folder

#: The hub's name for what can read the folder.
LIBRARY = "surrogate-nas"

#: What tells a repository of the hub from a folder, where both could be meant.
HUB = "hf://"

#: ``organisation/name``, as the hub allows them.
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


class Shareable:
    """What is fitted, can be written to a folder, and be read again."""

    def save(self, path: str | Path) -> None:
        """Write what was learned into folder ``path`` (no pickle); see :func:`load_predictor`."""
        from surrogate_nas.predictors.saving import save_predictor

        save_predictor(self, path)

    def save_pretrained(self, folder: str | Path, *, about: str = "", licence: str = "") -> None:
        """Write what was learned with a model card, as the Hugging Face hub expects it.

        Args:
            folder: The folder to write; a card that stands there is kept.
            about: What it was learned from and how good it is, in Markdown.
            licence: Its licence, by the hub's short name.
        """
        from surrogate_nas.predictors.saving import save_predictor

        try:
            card = (Path(folder) / "README.md").read_text(encoding="utf-8")
        except (OSError, ValueError):
            card = model_card(self, about, licence)
        save_predictor(self, folder, card=card)

    def push_to_hub(
        self,
        repo_id: str,
        *,
        about: str = "",
        licence: str = "",
        private: bool | None = None,
        revision: str | None = None,
        commit_message: str = "Upload predictor",
    ) -> str:
        """Upload to a repository of the Hugging Face hub, which is made if there is none; needs the extra ``hub``.

        Args:
            repo_id: The repository, "organisation/name".
            about: What it was learned from and how good it is, in Markdown.
            licence: Its licence, by the hub's short name.
            private: Whether a new repository is private; None leaves it to the organisation.
            revision: Branch to upload to; None is the main one.
            commit_message: Title of the commit.

        Returns:
            Address of the commit.
        """
        from tempfile import TemporaryDirectory

        from surrogate_nas.predictors.hub import upload

        with TemporaryDirectory() as temporary:
            folder = Path(temporary) / "predictor"
            self.save_pretrained(folder, about=about, licence=licence)
            return upload(folder, repo_id, private=private, revision=revision, message=commit_message)

    @classmethod
    def from_pretrained(
        cls,
        name: str | Path,
        *,
        revision: str | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
    ) -> Self:
        """Read a predictor that ships with the package, stands in a folder, or lies on the Hugging Face hub.

        Args:
            name: One of :func:`list_pretrained`, a folder, or "organisation/name" on the hub (extra ``hub``).
            revision: Branch, tag or commit on the hub; None is the main branch.
            cache_dir: Where downloads are kept; None is this package's cache.
            local_files_only: Take what was downloaded earlier, and do not touch the network.

        Raises:
            InvalidInputError: Nothing there, something else, or something damaged.
            MissingExtraError: It would have to come from the hub.
        """
        from surrogate_nas.predictors.saving import read_folder

        place = locate(name, revision=revision, cache_dir=cache_dir, local_files_only=local_files_only, try_hub=True)
        made = read_folder(*place)
        if not isinstance(made, cls):
            raise InvalidInputError(
                f"{name}: expected {cls.__name__}, got {type(made).__name__}; read it with load_predictor({name!r})"
            )
        return made


def list_pretrained() -> list[str]:
    """Names of the predictors that ship with the package, for ``from_pretrained`` and ``load_predictor``."""
    return list(_entries())


def pretrained_on(table: str) -> str | None:
    """Name of the shipped predictor that was learned across all tasks of an embedded table, or None.

    Args:
        table: Name of the table.
    """
    return next((name for name, entry in _entries().items() if entry["table"] == table), None)


def locate(
    name: str | Path,
    *,
    revision: str | None = None,
    cache_dir: str | Path | None = None,
    local_files_only: bool = False,
    try_hub: bool = False,
) -> tuple[Path, str | None]:
    """Folder of a predictor, and the SHA-256 of its config.json where the registry has it.

    Args:
        name: A shipped one's name, a folder, or a repository of the hub after ``hf://``.
        revision: Revision of the repository.
        cache_dir: Where downloads are kept.
        local_files_only: Do not touch the network.
        try_hub: Whether what is no folder but could be a repository is looked for on the hub.
    """
    if isinstance(name, str):  # names go before folders, as for tables
        entry = _entries().get(name)
        if entry is not None:
            return data_folder() / entry["folder"], entry["sha256"]
        if name.startswith(HUB) or (try_hub and _REPOSITORY.fullmatch(name) and not Path(name).exists()):
            from surrogate_nas.predictors.hub import download

            place = cache_dir if cache_dir is None else Path(cache_dir)
            return download(name.removeprefix(HUB), revision, place, local_files_only), None
        if not Path(name).exists():
            raise InvalidInputError(
                f"{name}: expected a folder that predictor.save(path) wrote, or the name of a predictor that ships "
                f"({', '.join(list_pretrained())}), found no config.json there"
            )
    return Path(name), None


def model_card(made: Any, about: str = "", licence: str = "") -> str:
    """The page that the hub shows: a header that its search reads, what it is, how it is used.

    Args:
        made: A fitted predictor or meta-predictor with a space, or without.
        about: Text of the user's own.
        licence: Short name of its licence.
    """
    kind = type(made).__name__
    space = "plain features" if made.space is None else f"architectures of the search space {made.space.name}"
    header = [f"library_name: {LIBRARY}", *([f"license: {licence}"] if licence else [])]
    header += ["tags:", *(f"- {tag}" for tag in ("neural-architecture-search", "performance-prediction", LIBRARY))]
    lines = ["---", *header, "---", "", f"# {kind}: {space}", ""]
    lines += [about.strip(), ""] if about.strip() else []
    lines += [
        "Read it with [surrogate-nas](https://pypi.org/project/surrogate-nas/), from a folder or, with the extra "
        "`hub`, from a repository:",
        "",
        "```python",
        "import surrogate_nas as sn",
        "",
        f'made = sn.{kind}.from_pretrained("PLACE")' if kind in ("AutoPredictor", "MetaPredictor")
        else 'made = sn.load_predictor("PLACE")',
        "```",
        "",
        "Every file is plain data (JSON, safetensors, UBJ) and is checked against a SHA-256 when it is read.",
        "",
    ]  # fmt: skip
    return "\n".join(lines)


def _entries() -> dict[str, dict[str, Any]]:
    path = data_folder() / "registry.toml"
    try:
        entries: dict[str, dict[str, Any]] = tomllib.loads(path.read_text(encoding="utf-8")).get("predictors", {})
        for entry in entries.values():
            _ = (entry["folder"], entry["sha256"], entry["table"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise InvalidInputError(f"{path}: expected the registry of embedded data; install the package again") from None
    return entries
