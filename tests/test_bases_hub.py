"""Bases from the hub, against a small one on the loopback.

The hub library reads its settings when it is first imported, so the whole conversation takes place in one process of
its own, which is this file run as a script: it serves the fake hub, resolves names, and prints what came of each.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAIN, OLD = "a" * 40, "b" * 40
CONFIG = b'{"model_type": "bert"}'


def tensors(value: int, count: int = 1) -> bytes:
    """A safetensors file of one small number, or of many."""
    text = json.dumps({"w": {"dtype": "U8", "shape": [count], "data_offsets": [0, count]}}).encode()
    return len(text).to_bytes(8, "little") + text + bytes([value]) * count


WHOLE = {
    "README.md": b"words",
    "config.json": CONFIG,
    "tokenizer.json": b"{}",
    "vocab.txt": b"a",
    "modules.json": b"[]",
    "1_Pooling/config.json": b"{}",
    "model.safetensors": tensors(1),
    "pytorch_model.bin": b"pickle",
    "tf_model.h5": b"",
    "modeling_evil.py": b"raise SystemExit",
    "onnx/model.onnx": b"",
    "onnx/config.json": b"{}",
    "unet/model.safetensors": b"",
}
FETCHED = sorted(
    ["config.json", "tokenizer.json", "vocab.txt", "modules.json", "1_Pooling/config.json", "model.safetensors"]
)
SHARDS = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
INDEX = json.dumps({"weight_map": {"a": SHARDS[0], "b": SHARDS[1]}}).encode()
REPOS: dict[str, dict[str, dict[str, bytes]]] = {
    "org/tiny": {MAIN: WHOLE, OLD: WHOLE | {"model.safetensors": tensors(2)}},
    "org/sharded": {
        MAIN: {
            "config.json": CONFIG,
            "model.safetensors.index.json": INDEX,
            SHARDS[0]: tensors(3),
            SHARDS[1]: tensors(4),
        }
    },
    "org/pickle": {MAIN: {"config.json": CONFIG, "pytorch_model.bin": b"pickle", "training_args.bin": b""}},
    "org/words": {MAIN: {"README.md": b"words", "config.json": CONFIG}},
    "org/big": {MAIN: {"config.json": CONFIG, "model.safetensors": tensors(5, 25_000_000)}},
    "org/gated": {MAIN: WHOLE},
    "org/cut": {MAIN: {"config.json": CONFIG, "model.safetensors": tensors(1)[:-1]}},
}


# ---- the script: a hub, and what is asked of it ----


class Handler(BaseHTTPRequestHandler):
    """The five answers that `model_info` and `snapshot_download` need."""

    protocol_version = "HTTP/1.1"
    asked: list[str] = []

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def reply(self, body: bytes = b"", code: int = 200, **headers: str) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.asked.append(path)
        if "old-name" in path:
            return self.reply(code=307, Location=self.path.replace("old-name", "org/tiny"))
        if path.startswith("/api/models/"):
            owner, name, what, revision = [*path.removeprefix("/api/models/").split("/", 3), "", ""][:4]
            return self.api(f"{owner}/{name}", what, revision)
        owner, name, _, revision, file = path.lstrip("/").split("/", 4)
        if name == "gated":
            return self.reply(code=403, X_Error_Code="GatedRepo", X_Error_Message="Access is restricted.")
        body = REPOS[f"{owner}/{name}"][revision][file]
        return self.reply(body, ETag=f'"{hashlib.sha256(body).hexdigest()}"', X_Repo_Commit=revision)

    do_HEAD = do_GET

    def api(self, repo: str, what: str, revision: str) -> None:
        if repo == "org/slow":
            time.sleep(1)
        if repo == "org/broken":
            return self.reply(code=503)
        if repo == "org/refused":
            return self.reply(code=401, X_Error_Message="Invalid credentials in Authorization header")
        if repo not in REPOS:
            return self.reply(b"{}", 404, X_Error_Code="RepoNotFound")
        sha = {"main": MAIN, "v1": OLD}.get(revision, revision)
        if sha not in REPOS[repo]:
            return self.reply(b"{}", 404, X_Error_Code="RevisionNotFound")
        files = REPOS[repo][sha]
        if what == "tree":
            tree = [{"type": "file", "path": n, "size": len(b), "oid": "0" * 40} for n, b in files.items()]
            return self.reply(json.dumps(tree).encode(), Content_Type="application/json")
        siblings = [{"rfilename": name, "size": len(body)} for name, body in files.items()]
        info = {"id": repo, "sha": sha, "siblings": siblings}
        return self.reply(json.dumps(info).encode(), Content_Type="application/json")


class Hub(ThreadingHTTPServer):
    """Says nothing when a client that has waited long enough hangs up."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def ask(name: str) -> dict[str, Any]:
    """What `resolve` makes of a name, how long it takes, and what it asks the hub for."""
    from ftkit import bases
    from ftkit.errors import FtkitError

    Handler.asked.clear()
    start = time.monotonic()
    try:
        base = bases.resolve(name)
        files = sorted(path.relative_to(base.folder).as_posix() for path in base.folder.rglob("*") if path.is_file())
        found: dict[str, Any] = {"kind": base.kind, "revision": base.revision, "sha256": base.sha256, "files": files}
    except FtkitError as error:
        found = {"code": error.code, "message": error.message, "hint": error.hint}
    return found | {"seconds": time.monotonic() - start, "asked": list(Handler.asked)}


def recorder(shown: list[int]) -> Any:
    """A progress bar that keeps every count that it is given, after its total."""

    class Bar:
        def update(self, done: int, status: str = "") -> None:
            shown.append(done)

    @contextmanager
    def progress(what: str, total: int) -> Iterator[Bar]:
        shown.append(total)
        yield Bar()

    return progress


def main() -> None:
    """Serve, ask, and print the answers as JSON."""
    server = Hub(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    os.environ["HF_ENDPOINT"] = f"http://127.0.0.1:{server.server_port}"
    from ftkit import environment
    from ftkit.bases import hub
    from ftkit.console import console

    environment.quiet_libraries()
    names = [
        "org/tiny",
        "org/tiny@v1",
        "org/sharded",
        "old-name",
        "org/tiny@nope",
        "org/pickle",
        "org/words",
        "org/gated",
    ]
    names += ["org/cut", "org/broken", "org/refused", "org/absent", "minlm"]
    answers = {name: ask(name) for name in names}
    answers["again"] = ask("org/tiny")
    patience, hub.ANSWER = hub.ANSWER, 0.3
    answers["org/slow"] = ask("org/slow")
    hub.ANSWER = patience
    shown: list[int] = []
    console.progress = recorder(shown)  # type: ignore[method-assign]
    answers["org/big"] = ask("org/big") | {"shown": shown}
    console.mode = "quiet"
    answers["quiet"] = ask(f"org/tiny@{OLD}")
    closed = socket.socket()
    closed.bind(("127.0.0.1", 0))  # bound, not listening: whoever calls is refused
    os.environ["HTTP_PROXY"] = f"http://me:secret@127.0.0.1:{closed.getsockname()[1]}"
    answers["proxy"] = ask("org/new")
    del os.environ["HTTP_PROXY"]
    server.shutdown()
    server.server_close()
    answers["unreachable"] = ask("org/new")
    answers["unreachable, cached"] = ask("org/tiny")
    environment.go_offline()
    answers["offline"] = ask("org/new")
    answers["offline, cached"] = ask("org/tiny@v1")
    sys.stdout.write(json.dumps(answers))


# ---- the tests ----


@pytest.fixture(scope="module")
def conversation(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    """Answers by name, and what a person saw on the terminal."""
    folder = tmp_path_factory.mktemp("hub")
    env = {name: os.environ[name] for name in ("PATH", "LANG", "OMP_NUM_THREADS") if name in os.environ}
    env |= {"PYTHONPATH": str(ROOT), "HOME": str(folder), "HF_HOME": str(folder / "hf"), "HF_HUB_DISABLE_XET": "1"}
    done = subprocess.run(
        [sys.executable, __file__], env=env, cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    assert len(answers) == 22
    assert sorted(os.listdir(folder)) == ["hf"]
    return answers, done.stderr


@pytest.fixture
def answers(conversation: tuple[dict[str, Any], str]) -> dict[str, Any]:
    return conversation[0]


def test_only_what_is_needed_and_safe_is_fetched(answers: dict[str, Any]) -> None:
    found = answers["org/tiny"]
    assert (found["kind"], found["revision"]) == ("hub", MAIN)
    assert found["sha256"] == hashlib.sha256(tensors(1)).hexdigest()
    assert found["files"] == FETCHED
    fetched = {path.partition("/resolve/")[2].partition("/")[2] for path in found["asked"] if "/resolve/" in path}
    assert fetched == set(FETCHED)


def test_a_revision_is_that_revision(answers: dict[str, Any]) -> None:
    found = answers["org/tiny@v1"]
    assert (found["revision"], found["sha256"]) == (OLD, hashlib.sha256(tensors(2)).hexdigest())
    assert answers["quiet"]["revision"] == OLD and answers["quiet"]["asked"] == []


def test_shards(answers: dict[str, Any]) -> None:
    both = "".join(hashlib.sha256(tensors(value)).hexdigest() for value in (3, 4))
    assert answers["org/sharded"]["sha256"] == hashlib.sha256(both.encode()).hexdigest()
    assert len(answers["org/sharded"]["files"]) == 4


def test_an_old_name_leads_to_the_new_one(answers: dict[str, Any]) -> None:
    assert answers["old-name"]["kind"] == "hub" and answers["old-name"]["revision"] == MAIN


@pytest.mark.parametrize("name", ["again", "unreachable, cached", "offline, cached"])
def test_what_is_cached_asks_for_nothing(answers: dict[str, Any], name: str) -> None:
    found = answers[name]
    assert found["kind"] == "hub" and found["asked"] == [] and found["seconds"] < 1


@pytest.mark.parametrize(
    ("name", "code", "says", "hint"),
    [
        ("org/tiny@nope", 2, "no revision 'nope'", "/org/tiny/tree/main"),
        (
            "org/pickle",
            2,
            "(pytorch_model.bin) are a pickle",
            f"hf download org/pickle --local-dir pickle && {shlex.quote(sys.executable)} -c ",
        ),
        ("org/words", 2, "holds no weights in safetensors", "another base"),
        ("org/gated", 2, "restricts access", "hf auth login"),
        ("org/cut", 2, "damaged or cut short", "hf cache rm -y model/org/cut"),
        ("org/broken", 1, "error 503", "later"),
        ("org/refused", 2, "error 401", "hf auth login"),
        ("org/slow", 1, "stopped answering", "again"),
        ("org/absent", 2, "neither a folder here nor a model on http://127.0.0.1", "spelling"),
        ("minlm", 2, "neither a folder here nor a model", "did you mean minilm?"),
        ("proxy", 2, "not in the cache, and the proxy 127.0.0.1:", "hf download org/new"),
        ("unreachable", 2, "not in the cache, and http://127.0.0.1", "hf download org/new --local-dir new"),
        ("offline", 2, "the network is off", "hf download org/new --local-dir new"),
    ],
)
def test_refusals(answers: dict[str, Any], name: str, code: int, says: str, hint: str) -> None:
    found = answers[name]
    assert (found["code"], says in found["message"], hint in found["hint"]) == (code, True, True), found
    assert "\n" not in found["message"] + found["hint"]
    assert "secret" not in found["message"] + found["hint"]
    assert found["seconds"] < 3


def test_a_pickle_is_not_fetched(answers: dict[str, Any]) -> None:
    assert not [path for path in answers["org/pickle"]["asked"] if "/resolve/" in path]
    assert answers["org/pickle"]["hint"].endswith(" pickle/pytorch_model.bin")
    assert answers["org/pickle"]["message"].endswith("convert it once, then --base ./pickle")


@pytest.mark.parametrize("name", ["offline", "proxy"])
def test_no_packet_reaches_the_hub(answers: dict[str, Any], name: str) -> None:
    assert answers[name]["asked"] == []


def test_a_person_sees_what_is_fetched_and_how_much(conversation: tuple[dict[str, Any], str]) -> None:
    said = conversation[1]
    assert f"downloading org/tiny: {len(FETCHED)} files, 0.1 MB\n" in said
    assert "Traceback" not in said and "Fetching" not in said and "warning" not in said.lower()


def test_the_bar_counts_megabytes_up_to_the_total(answers: dict[str, Any]) -> None:
    total, *counts = answers["org/big"]["shown"]
    assert total == 25 and counts[-1] == 25
    assert len(set(counts)) > 2  # on the way, not only at the end
    assert max(counts) == 25


if __name__ == "__main__":
    main()
