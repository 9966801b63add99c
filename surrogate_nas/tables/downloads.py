"""Fetching official files: what was fetched is kept, what was interrupted goes on, what is wrong never stays."""

import contextlib
from pathlib import Path
from typing import IO, Any

from surrogate_nas.core import InvalidInputError
from surrogate_nas.core.progress import Progress, Silent
from surrogate_nas.core.resources import cache_folder
from surrogate_nas.tables.sources import SourceFile, get_source

#: Bytes per piece (what is on its way when a connection breaks is lost), and seconds of silence before it is given up.
CHUNK, TIMEOUT = 2**16, 60


def download(
    source: str,
    file: str | None = None,
    *,
    folder: Path | None = None,
    offline: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Fetch an official file, or find it where it was fetched before.

    Args:
        source: Name of the benchmark.
        file: Which of its files; None takes the recommended one.
        folder: Where to keep it; None takes the cache.
        offline: Never touch the network.
        progress: Told how many megabytes have come.

    Returns:
        The file, checked against the published checksum where there is one.

    Raises:
        UnknownNameError: No such benchmark or file.
        InvalidInputError: It cannot be fetched by a program (the message says what to do by hand), not offline, or
            not now; or what came is not the published file.
    """
    wanted = get_source(source).file(file)
    folder = cache_folder() / "downloads" if folder is None else folder
    return obtain(wanted, folder / wanted.name, wanted.steps(source), offline=offline, progress=progress)


def obtain(
    wanted: SourceFile, path: Path, by_hand: str, *, offline: bool = False, progress: Progress | None = None
) -> Path:
    """Fetch an official file to a place, or find it there.

    Args:
        wanted: What to fetch.
        path: Where it is kept.
        by_hand: What a person does instead, for messages.
        offline: Never touch the network.
        progress: Told how many megabytes have come.

    Raises:
        InvalidInputError: As of :func:`download`.
    """
    if path.is_file():
        try:
            wanted.verify(path)
        except InvalidInputError:
            if offline or not wanted.url:
                raise
            path.unlink()  # damaged, or another version: it is fetched again
        else:
            return path
    if not wanted.url:
        raise InvalidInputError(f"{wanted.name}: its host expects a browser; {by_hand}")
    if offline:
        raise InvalidInputError(f"{path}: expected the file here because of --offline; without it, it is fetched")
    return _fetch(wanted, path, by_hand, progress or Silent())


def _fetch(wanted: SourceFile, path: Path, by_hand: str, progress: Progress) -> Path:
    import pooch
    import requests

    progress.say(f"fetching {wanted.name}{f' ({wanted.size})' if wanted.size else ''} from {wanted.url}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        pooch.get_logger().setLevel("ERROR")
        got = pooch.retrieve(
            wanted.url,
            known_hash=wanted.checksum or None,
            fname=path.name,
            path=path.parent,
            downloader=ResumingDownloader(path.with_name(f"{path.name}.part"), progress),
        )
    except requests.RequestException as error:
        raise InvalidInputError(
            f"{wanted.name}: could not be fetched ({type(error).__name__}); what came is kept: try again, or {by_hand}"
        ) from None
    except ValueError:  # pooch's word for a wrong checksum
        raise InvalidInputError(
            f"{wanted.name}: expected {wanted.checksum}, got something else from {wanted.url}; nothing was kept: "
            f"{by_hand}"
        ) from None
    except OSError as error:
        raise InvalidInputError(
            f"{path}: cannot be written ({error.strerror or error}); choose another folder"
        ) from None
    return Path(got)


class ResumingDownloader:
    """A downloader for pooch that continues a transfer which was broken off.

    Pieces go to ``partial``; with it stands the server's mark of the version (ETag or date), so that a
    file which changed in between is fetched from its beginning.

    Args:
        partial: Where pieces are kept until all are there.
        progress: Told how many megabytes have come.
    """

    def __init__(self, partial: Path, progress: Progress) -> None:
        self.partial = partial
        self.progress = progress

    def __call__(self, url: str, output_file: str | IO[bytes], pooch: Any, check_only: bool = False) -> None:
        """Fetch ``url`` into ``output_file``, as pooch asks a downloader to."""
        import requests

        mark = self.partial.with_name(f"{self.partial.name}.version")
        have = self.partial.stat().st_size if self.partial.is_file() else 0
        version = mark.read_text(encoding="utf-8") if have and mark.is_file() else ""
        headers = {"Range": f"bytes={have}-", "If-Range": version} if have and version else {}
        with requests.get(
            url, stream=True, timeout=TIMEOUT, headers={**headers, "Accept-Encoding": "identity"}
        ) as reply:
            reply.raise_for_status()
            if "text/html" in reply.headers.get("Content-Type", ""):  # a page that asks for something, not the file
                raise requests.ConnectionError(f"{url}: expected a file, got a web page")
            resumed = reply.status_code == requests.codes.partial_content
            done = have if resumed else 0
            total = done + int(reply.headers.get("Content-Length", 0))
            mark.write_text(reply.headers.get("ETag") or reply.headers.get("Last-Modified") or "", encoding="utf-8")
            with self.partial.open("ab" if resumed else "wb") as kept:
                for piece in reply.iter_content(CHUNK):
                    kept.write(piece)
                    done += len(piece)
                    self.progress.track("MB", done >> 20, max(total, done) >> 20)
        if total and done < total:
            raise requests.ConnectionError(f"{url}: expected {total} bytes, got {done}")
        self._hand_over(output_file)
        with contextlib.suppress(OSError):
            mark.unlink()

    def _hand_over(self, output_file: str | IO[bytes]) -> None:
        if isinstance(output_file, str):
            self.partial.replace(output_file)
            return
        with self.partial.open("rb") as kept:
            while piece := kept.read(CHUNK):
                output_file.write(piece)
        self.partial.unlink()
