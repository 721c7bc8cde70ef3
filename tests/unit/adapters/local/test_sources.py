"""What a model's name may mean, and that no name reaches a file outside the models folder."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmanager.adapters.local.sources import Builtin, HubFile, LocalFile, source_of
from llmanager.adapters.local.weights import BUILDERS
from llmanager.kernel.errors import InvalidInput
from llmanager.models.catalog import ENTRIES
from llmanager.models.entities import Kind


@pytest.fixture
def models_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    (folder / "sub").mkdir(parents=True)
    (folder / "own.gguf").write_bytes(b"GGUF")
    (folder / "sub" / "own.gguf").write_bytes(b"GGUF")
    (tmp_path / "outside.gguf").write_bytes(b"GGUF")
    return folder


def test_an_alias_is_looked_up_in_the_catalog(models_dir: Path):
    assert source_of("demo-tiny", Kind.CHAT, models_dir) == Builtin("demo-tiny")
    assert source_of("qwen2.5-0.5b", Kind.CHAT, models_dir) == HubFile(
        "Qwen/Qwen2.5-0.5B-Instruct-GGUF", "qwen2.5-0.5b-instruct-q4_k_m.gguf"
    )


def test_an_alias_of_another_kind_is_refused_with_its_kind(models_dir: Path):
    with pytest.raises(InvalidInput, match="Ask for kind 'embedding'") as raised:
        source_of("minilm", Kind.CHAT, models_dir)

    assert raised.value.param == "kind"


def test_a_repository_of_the_hub_is_named_with_or_without_a_file(models_dir: Path):
    assert source_of("acme/tiny", Kind.CHAT, models_dir) == HubFile("acme/tiny", None)
    assert source_of("acme/tiny:a/b-Q8_0.gguf", Kind.CHAT, models_dir) == HubFile("acme/tiny", "a/b-Q8_0.gguf")


def test_a_file_is_named_from_the_models_folder_or_by_its_whole_path(models_dir: Path):
    assert source_of("own.gguf", Kind.CHAT, models_dir) == LocalFile(models_dir / "own.gguf")
    assert source_of("sub/own.gguf", Kind.CHAT, models_dir) == LocalFile(models_dir / "sub" / "own.gguf")
    assert source_of(str(models_dir / "own.gguf"), Kind.CHAT, models_dir) == LocalFile(models_dir / "own.gguf")


@pytest.mark.parametrize(
    "model",
    [
        "",
        "nothing",
        "a/b/c",
        "../up",
        "acme/..",
        "acme/-x",
        "acme/a--b",
        "acme/tiny:",
        "acme/tiny:../../x.gguf",
        "acme/tiny:/etc/x.gguf",
        "acme/tiny:x.bin",
        "acme/tiny:a\0.gguf",
        "acme/tiny\n",
        "hub:acme/tiny:x.gguf",
        "builtin:minilm",
        "https://host/x",
        "a" * 200 + "/b",
        "acme/tiny:" + "a" * 300 + ".gguf",
    ],
)
def test_other_names_are_refused_with_what_is_possible(model: str, models_dir: Path):
    with pytest.raises(InvalidInput, match=r"catalog \(demo-tiny, minilm, .*owner/name:file.gguf.*models folder"):
        source_of(model, Kind.CHAT, models_dir)


def test_a_file_that_is_absent_outside_or_no_file_is_refused_alike(models_dir: Path, tmp_path: Path):
    (models_dir / "link.gguf").symlink_to(tmp_path / "outside.gguf")
    (models_dir / "circle.gguf").symlink_to("circle.gguf")
    (models_dir / "away").symlink_to(tmp_path)
    (models_dir / "folder.gguf").mkdir()
    (models_dir / "own.txt").write_bytes(b"GGUF")
    (models_dir / "txt.gguf").symlink_to("own.txt")
    os.mkfifo(models_dir / "pipe.gguf")
    tricks = ["absent.gguf", "../outside.gguf", str(tmp_path / "outside.gguf"), "link.gguf", "circle.gguf"]
    tricks += ["away/outside.gguf", "folder.gguf", "txt.gguf", "pipe.gguf", "a\0.gguf", "a" * 5000 + ".gguf", "/.gguf"]
    for trick in tricks:
        with pytest.raises(InvalidInput) as raised:
            source_of(trick, Kind.CHAT, models_dir)
        assert str(raised.value).replace(repr(trick[:100]), "*") == (
            "There is no file * in the models folder. Put it there and give its name."
        )


def test_without_a_models_folder_there_are_no_files(tmp_path: Path):
    with pytest.raises(InvalidInput, match=r"no file 'x\.gguf'"):
        source_of("x.gguf", Kind.CHAT, tmp_path / "absent")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(
        st.sampled_from(["..", ".", "sub", "own", "~", "away", "/", "\0", "%2e%2e", "\\", "outside", ".gguf", ":"])
    )
)
def test_whatever_the_name_the_file_lies_inside(models_dir: Path, parts: list[str]):
    for model in ("/".join(parts) + ".gguf", "".join(parts)):
        try:
            source = source_of(model, Kind.CHAT, models_dir)
        except InvalidInput:
            continue
        if isinstance(source, LocalFile):
            assert source.path.is_relative_to(models_dir)
        elif isinstance(source, HubFile):
            folder = models_dir / source.repo / (source.file or "x")
            assert ".." not in folder.parts


def test_every_alias_of_the_catalog_means_something_that_can_be_had(models_dir: Path):
    for entry in ENTRIES:
        source = source_of(entry.alias, entry.kind, models_dir)
        assert isinstance(source, HubFile) or (isinstance(source, Builtin) and source.name in BUILDERS)
