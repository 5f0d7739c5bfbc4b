"""Bases from the Hugging Face hub: from its cache if they are there, else one short probe, then a download.

Only config, tokenizer, processor and safetensors files are fetched: never a pickle, never code.
"""

from __future__ import annotations

import re
import socket
import threading
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ftkit import environment, files
from ftkit.bases import folder as folders
from ftkit.console import Progress, console
from ftkit.errors import FtkitError, InputError

ALLOW = [
    *("config.json", "config_*.json", "generation_config.json", "modules.json", "sentence_*.json", "?_Pooling/*.json"),
    *(folders.WEIGHTS, folders.INDEX, "model-*-of-*.safetensors"),
    *("tokenizer*.json", "special_tokens_map.json", "added_tokens.json", "vocab.*", "merges.txt", "*.spm", "*.model"),
    *(
        "bpe.codes",
        "chat_template*",
        "preprocessor_config.json",
        "processor_config.json",
        "video_preprocessor_config.json",
    ),
]
IGNORE = ["*.py", "*.bin", "*.h5", "*.msgpack", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*/*.model", "*/*.spm"]
PROBE = 2.0  # seconds; an unreachable hub costs up to 47 s a look-up otherwise
ANSWER = 10.0  # seconds for the first answer of a hub that can be reached

_PART = r"[A-Za-z0-9_](?:[\w.-]*[\w])?"
_ID = re.compile(rf"(?P<repo>(?:{_PART}/)?{_PART})(?:@(?P<revision>[\w][\w./-]*))?", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}")


def looks_like_id(name: str) -> bool:
    """Whether the name could be `org/name` or `name`, with `@revision` or without."""
    found = _ID.fullmatch(name)
    return found is not None and len(found["repo"]) <= 96 and "--" not in name and ".." not in name


def is_commit(revision: str) -> bool:
    """Whether this is a full commit hash."""
    return bool(_COMMIT.fullmatch(revision))


def find(name: str, hint: str = "") -> tuple[Path, str]:
    """Folder and commit of a hub id; `hint` is said first where there is no such model."""
    repo, revision = _split(name)
    place = _cached(repo, revision)
    if place is None or not _whole(place):
        if not environment.offline():
            _probe(name, hint or _by_hand(repo))
            place = _download(name, repo, revision, hint)
        elif place is None or not (place / "config.json").is_file():
            message = f"{name}: neither a folder nor in the hub's cache, and the network is off"
            raise InputError(message, hint or _by_hand(repo))
    return place, place.name


def fetch_again(name: str) -> str:
    """What to type when the cached copy is damaged; a plain download would leave it as it is."""
    return f"hf cache rm -y model/{_split(name)[0]}, then run this again"


def _split(name: str) -> tuple[str, str]:
    repo, _, revision = name.partition("@")
    return repo, revision or "main"


def _by_hand(repo: str) -> str:
    folder = repo.rpartition("/")[2]
    return f"on a machine with network: hf download {repo} --local-dir {folder}; copy it here, then --base ./{folder}"


def _cached(repo: str, revision: str) -> Path | None:
    """The snapshot in the local cache, unless files that should be in it are missing; no packet is sent."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        found = snapshot_download(
            repo, revision=revision, allow_patterns=ALLOW, ignore_patterns=IGNORE, local_files_only=True
        )
    except LocalEntryNotFoundError:
        return None
    return Path(found)


def _whole(place: Path) -> bool:
    """Whether a model can be loaded: older tools fetch file by file and keep no list to compare with."""
    weights = (place / folders.WEIGHTS).is_file() or (place / folders.INDEX).is_file()
    return weights and (place / "config.json").is_file()


# ---- is the hub there? ----


def _probe(name: str, hint: str) -> None:
    """One short attempt to reach the hub, or the proxy that leads to it."""
    reached, what = answers()
    if not reached:
        raise InputError(f"{name}: not in the cache, and {what} cannot be reached", hint)


def answers() -> tuple[bool, str]:
    """Whether the hub, or the proxy that leads to it, takes a connection; and what it is called."""
    from huggingface_hub import constants

    host, port, what = _way(constants.ENDPOINT)
    return _reachable(host, port), what


def _way(endpoint: str) -> tuple[str, int, str]:
    """Host and port that a request to the endpoint goes to first, and what to call it."""
    from urllib.request import getproxies, proxy_bypass

    target = urlsplit(endpoint)
    host, scheme = target.hostname or "", target.scheme or "https"
    proxies = getproxies()
    proxy = proxies.get(scheme) or proxies.get("all") or ""
    if proxy and not proxy_bypass(host):
        via = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        port = via.port or {"https": 443, "socks5": 1080, "socks5h": 1080}.get(via.scheme, 80)
        return via.hostname or "", port, f"the proxy {via.hostname}:{port}"  # not the address: it may hold a password
    return host, target.port or (80 if scheme == "http" else 443), endpoint


def _reachable(host: str, port: int) -> bool:
    answered = threading.Event()

    def connect() -> None:
        try:
            socket.create_connection((host, port), timeout=PROBE).close()
            answered.set()
        except OSError:
            pass  # the answer is that there is none
        finally:
            done.set()

    done = threading.Event()
    # looking up a name has no time limit of its own, so it is left behind in a thread
    threading.Thread(target=connect, daemon=True).start()
    done.wait(PROBE)
    return answered.is_set()


# ---- fetching ----


def _download(name: str, repo: str, revision: str, hint: str) -> Path:
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HTTPError as TransportError  # type: ignore[attr-defined]  # httpx, or httpx2

    try:
        info = HfApi().model_info(repo, revision=revision, files_metadata=True, timeout=ANSWER)
        sizes = {file.rfilename: file.size or 0 for file in info.siblings or []}
        wanted = [file for file in sizes if _matches(file, ALLOW) and not _matches(file, IGNORE)]
        _safe(name, repo, list(sizes), wanted)
        megabytes = sum(sizes[file] for file in wanted) / 1e6
        console.say(f"downloading {name}: {len(wanted)} files, {max(megabytes, 0.1):.1f} MB")
        with console.progress(f"{repo} (MB)", max(round(megabytes), 1)) as bar:
            found = snapshot_download(
                repo, revision=revision, allow_patterns=ALLOW, ignore_patterns=IGNORE, tqdm_class=_meter(bar)
            )
    except (TransportError, OSError) as error:
        raise _refusal(error, name, repo, revision, hint) from error
    return Path(found)


def _matches(file: str, patterns: list[str]) -> bool:
    return any(fnmatchcase(file, pattern) for pattern in patterns)


def _refusal(error: Exception, name: str, repo: str, revision: str, hint: str) -> FtkitError:
    """What the hub, the network or the disk said, in one line."""
    from huggingface_hub import constants
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

    page = f"{constants.ENDPOINT}/{repo}"
    if isinstance(error, GatedRepoError):
        message = f"{name}: its owner restricts access, and this account has none"
        return InputError(message, f"ask for access at {page}, then: hf auth login")
    if isinstance(error, RevisionNotFoundError):
        return InputError(f"{name}: the model has no revision {revision!r}", f"look at {page}/tree/main")
    if isinstance(error, RepositoryNotFoundError):
        message = f"{name}: neither a folder here nor a model on {constants.ENDPOINT}"
        return InputError(message, hint or "check the spelling; if it is private: hf auth login")
    if isinstance(error, HfHubHTTPError):
        code = error.response.status_code
        if code in (401, 403):
            return InputError(f"{name}: the hub refuses this account (error {code})", "hf auth login")
        return FtkitError(f"{name}: the hub answered with error {code}", "try again later")
    if isinstance(error, OSError) and error.errno is not None:
        return files.os_error(error, f"downloading {name}")
    reason = " ".join(str(error).split())[:120] or type(error).__name__
    return FtkitError(f"{name}: the hub stopped answering ({reason})", "run it again; what has arrived is kept")


def _safe(name: str, repo: str, present: list[str], wanted: list[str]) -> None:
    if any(file.endswith(".safetensors") for file in wanted):
        return
    folder = repo.rpartition("/")[2]
    root = [file for file in present if "/" not in file]
    folders.refuse_pickles(
        name, root, folder, f"hf download {repo} --local-dir {folder} && ", f", then --base ./{folder}"
    )
    raise InputError(f"{name}: holds no weights in safetensors ({folders.WEIGHTS})", "choose another base")


def _meter(bar: Progress) -> type[Any]:
    """A silent stand-in for the hub library's bars that passes the bytes on to ours."""
    from tqdm.auto import tqdm

    class Meter(tqdm):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            self.bytes = kwargs.get("unit") == "B"
            super().__init__(*args, **(kwargs | {"disable": True}))

        def update(self, n: float | None = 1) -> None:
            self.n += n or 0
            if self.bytes:
                bar.update(round(self.n / 1e6))

    return Meter
