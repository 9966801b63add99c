"""The Hugging Face hub through its own client, against a server on this machine that answers as the hub does."""

import base64
import hashlib
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest

import surrogate_nas as sn
from surrogate_nas.encodings import OneHotEncoder
from surrogate_nas.predictors import Forest, Predictor

pytest.importorskip("huggingface_hub", reason="the extra hub is not installed")

SPACE = sn.get_space("nas-bench-201")
REPOSITORY = "organisation/sums"


class Hub(BaseHTTPRequestHandler):
    """Repositories in memory: listing, files, and commits of small files."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def reply(self, value=None, code=200, headers=(), raw=None):
        body = json.dumps(value).encode() if raw is None else raw
        self.send_response(code)
        for name, content in (("Content-Length", str(len(body))), *headers):
            self.send_header(name, content)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def do_GET(self):
        self.server.asked.append(self.path)
        parts = [unquote(p) for p in urlsplit(self.path).path.strip("/").split("/")]
        if parts[:2] == ["api", "models"]:
            self.describe("/".join(parts[2:4]), parts[4:])
        elif len(parts) > 4 and parts[2] == "resolve":
            self.file("/".join(parts[:2]), "/".join(parts[4:]))
        else:
            self.reply({"error": "not found"}, 404)

    do_HEAD = do_GET

    def describe(self, repository, rest):
        files = self.server.repositories.get(repository)
        if files is None:
            return self.reply({"error": "Repository not found"}, 404, [("X-Error-Code", "RepoNotFound")])
        if rest[:1] == ["tree"]:
            entries = [
                {"type": "file", "path": name, "size": len(raw), "oid": hashlib.sha256(raw).hexdigest()[:40]}
                for name, raw in files.items()
            ]
            return self.reply(entries)
        siblings = [{"rfilename": name} for name in files]
        return self.reply({"id": repository, "sha": "c" * 40, "siblings": siblings, "private": False, "tags": []})

    def file(self, repository, name):
        raw = self.server.repositories.get(repository, {}).get(name)
        if raw is None:
            return self.reply({"error": "no entry"}, 404, [("X-Error-Code", "EntryNotFound")])
        etag = f'"{hashlib.sha256(raw).hexdigest()}"'
        return self.reply(headers=[("ETag", etag), ("X-Repo-Commit", "c" * 40)], raw=raw)

    def do_POST(self):
        self.server.asked.append(self.path)
        path, body = urlsplit(self.path).path, self.body()
        if path == "/api/repos/create":
            made = json.loads(body)
            repository = f"{made['organization']}/{made['name']}" if made.get("organization") else made["name"]
            self.server.repositories.setdefault(repository, {})
            return self.reply({"url": f"{self.server.address}/{repository}", "name": repository, "id": repository})
        repository = "/".join(path.split("/")[3:5])
        if "/preupload/" in path:
            names = [f["path"] for f in json.loads(body)["files"]]
            files = [{"path": n, "uploadMode": "regular", "shouldIgnore": False} for n in names]
            return self.reply({"files": files})
        if "/commit/" in path:
            for line in body.splitlines():
                item = json.loads(line)
                if item["key"] == "file":
                    content = base64.b64decode(item["value"]["content"])
                    self.server.repositories[repository][item["value"]["path"]] = content
                elif item["key"] == "deletedFile":
                    self.server.repositories[repository].pop(item["value"]["path"], None)
            url = f"{self.server.address}/{repository}/commit/{'c' * 40}"
            return self.reply({"commitUrl": url, "commitOid": "c" * 40})
        return self.reply({})


@pytest.fixture
def hub():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.address = f"http://127.0.0.1:{server.server_port}"
    server.repositories, server.asked = {}, []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def python(hub, tmp_path):
    """Run code in a process whose hub is the server; the client reads its address when it is imported."""

    def python(code):
        environment = os.environ | {
            "HF_ENDPOINT": hub.address, "HF_HOME": str(tmp_path / "home"), "HF_TOKEN": "of this test",
            "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "SURROGATE_NAS_CACHE": str(tmp_path / "cache"), "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1",
        }  # fmt: skip
        head = "import numpy as np\nimport surrogate_nas as sn\nfrom surrogate_nas.predictors import BasePredictor\n"
        done = subprocess.run(
            [sys.executable, "-c", head + code],
            capture_output=True,
            text=True,
            env=environment,
            cwd=tmp_path,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return python


@pytest.fixture
def forest(tmp_path):
    X = SPACE.sample(20, np.random.default_rng(0))
    made = Predictor(SPACE, OneHotEncoder(SPACE), Forest(n_estimators=5)).fit(X, X.sum(axis=1))
    made.save(tmp_path / "forest")
    return made


ASK = f"""
made = BasePredictor.from_pretrained("{REPOSITORY}", PLACE)
print(made.predict(made.space.sample(5, np.random.default_rng(1))).tolist())
"""


def test_up_and_down_again(hub, python, forest, tmp_path):
    said = python(f'print(sn.load_predictor("forest").push_to_hub("{REPOSITORY}", about="Sums.", licence="mit"))')
    assert said.strip() == f"{hub.address}/{REPOSITORY}/commit/{'c' * 40}"
    files = hub.repositories[REPOSITORY]
    assert set(files) == {"README.md", "booster-0.ubj", "config.json", "model.safetensors"}
    assert "license: mit" in files["README.md"].decode()
    files["weights.pkl"] = b"never fetched"

    expected = forest.predict(SPACE.sample(5, np.random.default_rng(1))).tolist()
    assert json.loads(python(ASK.replace("PLACE", ""))) == expected
    kept = {path.name for path in (tmp_path / "cache" / "hub").rglob("*")}
    assert "model.safetensors" in kept
    assert "weights.pkl" not in kept

    hub.asked.clear()
    assert json.loads(python(ASK.replace("PLACE", "local_files_only=True"))) == expected
    assert not hub.asked
    again = ASK.replace("PLACE", f'cache_dir="{tmp_path / "other"}", revision="main"')
    assert json.loads(python(again)) == expected
    assert (tmp_path / "other").is_dir()
    assert python(f'print(type(sn.load_predictor("hf://{REPOSITORY}")).__name__)').strip() == "Predictor"


FAIL = """
from surrogate_nas.core import InvalidInputError
try:
    BasePredictor.from_pretrained("NAME", PLACE)
except InvalidInputError as error:
    print(error)
"""


def test_what_the_hub_does_not_have(hub, python):
    assert "RepositoryNotFoundError" in python(FAIL.replace("NAME", REPOSITORY).replace("PLACE", ""))
    said = python(FAIL.replace("NAME", REPOSITORY).replace("PLACE", "local_files_only=True"))
    assert "the hub did not give it (LocalEntryNotFoundError" in said
    assert said.count("\n") == 1


def test_a_changed_file_is_refused(hub, python, forest):
    python(f'sn.load_predictor("forest").push_to_hub("{REPOSITORY}")')
    raw = hub.repositories[REPOSITORY]["model.safetensors"]
    hub.repositories[REPOSITORY]["model.safetensors"] = raw[:-1] + bytes([raw[-1] ^ 1])
    assert "SHA-256 differs" in python(FAIL.replace("NAME", REPOSITORY).replace("PLACE", ""))


def test_fewer_trees_leave_nothing_behind(hub, python, forest):
    hub.repositories[REPOSITORY] = {"booster-7.ubj": b"of an earlier one", "notes.md": b"stay"}
    python(f'sn.load_predictor("forest").push_to_hub("{REPOSITORY}")')
    names = set(hub.repositories[REPOSITORY])
    assert names == {"README.md", "booster-0.ubj", "config.json", "model.safetensors", "notes.md"}
