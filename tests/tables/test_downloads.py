"""Downloads, against an HTTP server of this process: resumed, verified, never half there."""

import hashlib
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from surrogate_nas.core import InvalidInputError
from surrogate_nas.tables import downloads
from surrogate_nas.tables.downloads import download
from surrogate_nas.tables.sources import Source, SourceFile

CONTENT = bytes(range(256)) * 2**13


class Server(ThreadingHTTPServer):
    """Serves CONTENT; remembers what it was asked for, and can break off."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = CONTENT
        self.version = '"one"'
        self.kind = "application/octet-stream"
        self.breaks_after = None
        self.ranges = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/file.bin"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        asked = self.headers.get("Range")
        self.server.ranges.append(asked)
        start = 0
        if asked and self.headers.get("If-Range") == self.server.version:
            start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1])
        self.send_response(206 if start else 200)
        self.send_header("Content-Type", self.server.kind)
        self.send_header("Content-Length", str(len(self.server.content) - start))
        self.send_header("ETag", self.server.version)
        self.end_headers()
        self.wfile.write(self.server.content[start : self.server.breaks_after])

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    server = Server()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    file = SourceFile("file.bin", url=server.url, sha256=hashlib.sha256(CONTENT).hexdigest())
    loose = SourceFile("loose.bin", url=server.url)
    source = Source("made-up", "", "", "", (file, loose), (), "", "", "")
    monkeypatch.setattr(downloads, "get_source", lambda name: source)
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def left(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_fetched_once(server, tmp_path):
    path = download("made-up", folder=tmp_path)
    assert path.read_bytes() == CONTENT
    assert download("made-up", folder=tmp_path, offline=True) == path
    assert server.ranges == [None]
    assert left(tmp_path) == ["file.bin"]


@pytest.mark.parametrize("name", ["file.bin", "loose.bin"])
def test_what_was_broken_off_goes_on(server, tmp_path, name):
    server.breaks_after = 700_000
    with pytest.raises(InvalidInputError, match=r"could not be fetched .* what came is kept: try again"):
        download("made-up", name, folder=tmp_path)
    kept = (tmp_path / f"{name}.part").stat().st_size
    assert 600_000 < kept <= 700_000
    assert not (tmp_path / name).exists()
    server.breaks_after = None
    assert download("made-up", name, folder=tmp_path).read_bytes() == CONTENT
    assert server.ranges == [None, f"bytes={kept}-"]
    assert left(tmp_path) == [name]


def test_another_version_is_fetched_from_its_beginning(server, tmp_path):
    server.breaks_after = 700_000
    with pytest.raises(InvalidInputError):
        download("made-up", "loose.bin", folder=tmp_path)
    server.breaks_after, server.version, server.content = None, '"two"', CONTENT[::-1]
    assert download("made-up", "loose.bin", folder=tmp_path).read_bytes() == CONTENT[::-1]


def test_a_wrong_file_is_not_kept(server, tmp_path):
    server.content = CONTENT[::-1]
    with pytest.raises(InvalidInputError, match="expected sha256:.*, got something else .*nothing was kept"):
        download("made-up", folder=tmp_path)
    assert left(tmp_path) == []


def test_a_damaged_file_in_the_cache_is_fetched_again(server, tmp_path):
    (tmp_path / "file.bin").write_bytes(b"damaged")
    with pytest.raises(InvalidInputError, match="file.bin: expected sha256"):
        download("made-up", folder=tmp_path, offline=True)
    assert download("made-up", folder=tmp_path).read_bytes() == CONTENT


def test_a_web_page_is_no_file(server, tmp_path):
    server.kind = "text/html; charset=utf-8"
    with pytest.raises(InvalidInputError, match="could not be fetched.*in a browser"):
        download("made-up", "loose.bin", folder=tmp_path)
    assert left(tmp_path) == []


def test_offline_touches_nothing(server, tmp_path):
    with pytest.raises(InvalidInputError, match="because of --offline"):
        download("made-up", folder=tmp_path, offline=True)
    assert server.ranges == []


def test_no_server(server, tmp_path):
    server.shutdown()
    server.server_close()
    with pytest.raises(InvalidInputError, match=r"could not be fetched \(ConnectionError\)"):
        download("made-up", folder=tmp_path)
