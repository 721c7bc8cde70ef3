import pytest

from llmanager.wiring.local.parts import make_folders
from llmanager.wiring.settings import Settings
from llmanager.wiring.values import SettingsError


def settings(home, **more):
    return Settings.from_env({"LLMANAGER_HOME": str(home), **more})


def test_the_home_and_its_models_folder_are_made(tmp_path):
    make_folders(settings(tmp_path / "a" / "home"))
    assert (tmp_path / "a" / "home" / "models-own").is_dir()
    assert (tmp_path / "a" / "home").stat().st_mode & 0o777 == 0o700


def test_a_home_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "home").touch()
    with pytest.raises(SettingsError, match=r"LLMANAGER_HOME cannot .* Name one that you may write to\."):
        make_folders(settings(tmp_path / "home"))


@pytest.mark.parametrize("kind", ["absent", "a file"])
def test_a_models_folder_that_the_user_names_is_never_made(tmp_path, kind):
    models = tmp_path / "models"
    if kind == "a file":
        models.touch()
    with pytest.raises(SettingsError, match="LLMANAGER_MODELS_DIR names no folder"):
        make_folders(settings(tmp_path / "home", LLMANAGER_MODELS_DIR=str(models)))
    assert models.exists() == (kind == "a file")
