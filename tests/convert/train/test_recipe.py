"""Recipes are whole, those of the project included, and a wrong key is named."""

from pathlib import Path

import pytest

from convert.errors import ConvertError
from convert.recipe import read_recipe
from convert.synth.recipe import Trays
from convert.train.recipe import TrainingRecipe, load_recipe, sources
from convert.train.settings import Family, Settings

RECIPES = Path(__file__).parents[3] / "training"
TRAYS = (
    'count = 10\nseed = 4\nsize = "96x72"\n[[textures]]\nfolder = "crops"\nlicence = "MIT"\norigin = "a"\n'
)


@pytest.mark.parametrize("family", ["midas", "resnet"])
def test_the_projects_recipes_name_every_setting(family: Family) -> None:
    recipe, trays = load_recipe(RECIPES / f"{family}.toml", family)
    assert recipe.model_fields_set == set(TrainingRecipe.model_fields)
    assert trays == read_recipe(RECIPES / "trays.toml", Trays)
    assert recipe.settings(("data",)).family == family
    told = " ".join(source.licence for source in trays.sources()) if trays else ""
    assert "NOASSERTION" not in told


def test_a_recipe_that_says_little_trains_as_without_one(tmp_path: Path) -> None:
    path = tmp_path / "resnet.toml"
    path.write_text('network = "resnet18"\n', encoding="utf-8")
    recipe, trays = load_recipe(path, "resnet")
    assert recipe.settings(("data",)) == Settings("resnet18", ("data",), 12000, 8, 0)
    assert trays is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('network = "resnet34"', 'network: "resnet34" is not allowed; use "midas-lite0"'),
        ("steps = 10", "network: is missing"),
        ('network = "resnet18"\nsteps = "10"', 'steps: "10" is not allowed; use a whole number from 1'),
        ('network = "resnet18"\nstep = 10', "step: is not a setting; did you mean steps"),
        ('network = "resnet18"\nside = 100', "side: 100 is not allowed; use a multiple of 32"),
        ('network = "resnet18"\nrate = nan', "rate"),
        ('network = "resnet18"\n[validation]\npictures = 0', "validation.pictures: 0 is not allowed"),
        ('network = "resnet18"\ntrays = "absent.toml"', "absent.toml: does not exist"),
        ('network = "midas-lite0"', "network: midas-lite0 is no resnet"),
        ("network = ", "is not TOML"),
    ],
)
def test_a_wrong_recipe_is_one_line_that_names_the_key(text: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "resnet.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConvertError) as error:
        load_recipe(path, "resnet")
    assert told in str(error.value)
    assert "\n" not in str(error.value)
    assert str(tmp_path) in str(error.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("seed = 4", "count: is missing"),
        ('count = 1\nseed = 4\nsize = "big"', 'size: "big" is not allowed; use WIDTHxHEIGHT'),
        ("count = 1\nseed = 4\n[[textures]]\nlicence = 'MIT'", "textures[0].folder: Field required"),
        ("count = 1\nseed = 4\ntextures = 'crops'", "use sections [[textures]]"),
    ],
)
def test_wrong_trays_are_one_line_that_names_the_key(text: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "trays.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConvertError) as error:
        read_recipe(path, Trays)
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_recipe_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConvertError, match="does not exist"):
        load_recipe(tmp_path / "absent.toml", "midas")
    with pytest.raises(ConvertError, match="cannot be read"):
        load_recipe(tmp_path, "midas")


def test_photographs_are_told_where_the_data_has_them(tmp_path: Path) -> None:
    path = tmp_path / "trays.toml"
    path.write_text(TRAYS, encoding="utf-8")
    trays = read_recipe(path, Trays)
    with_photos, without = "format 4, seed 4, 96x72, 0123", "format 4, seed 4, 96x72, no photos"
    assert [source.licence for source in sources(trays, (with_photos,))] == ["MIT"]
    assert sources(trays, (without,)) == ()
    assert sources(None, (with_photos,)) == ()
    with pytest.raises(ConvertError, match="made otherwise"):
        sources(trays, ("format 4, seed 5, 96x72, 0123",))
