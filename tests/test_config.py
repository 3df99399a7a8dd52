"""Settings: what an override may say, what it is told when it is wrong, and that JSON loses nothing."""

import json
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from motet.config import Setting, describe, differences, from_dict, override, spell, to_dict
from motet.errors import ConfigError


@dataclass(frozen=True)
class Train:
    lr: float = field(default=1e-3, metadata={"help": "peak learning rate"})
    steps: int = 100
    schedule: Literal["cosine", "wsd"] = "cosine"
    warmup: Annotated[int, Field(ge=0)] = 10
    betas: tuple[float, float] = (0.9, 0.95)

    def __post_init__(self) -> None:
        if self.warmup > self.steps:
            raise ConfigError(f"warmup is {self.warmup}, expected at most steps = {self.steps}")


@dataclass(frozen=True)
class Ema:
    decay: float = 0.999


@dataclass(frozen=True)
class Stage:
    name: str
    parts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Settings:
    name: str
    train: Train = Train()
    ema: Ema | None = Ema()
    dim: int = 256
    grid: tuple[int, ...] = (4, 4)
    compile: bool = False
    limit: float | None = None
    precision: int | Literal["auto"] = "auto"
    note: str | None = None
    out: Path = Path("runs/here")
    weights: dict[str, float] = field(default_factory=dict)
    stages: tuple[Stage, ...] = (Stage("codec"),)


BASE = Settings("base")


@pytest.mark.parametrize(
    ("change", "names", "expected"),
    [
        ("train.lr=3e-4", ("train", "lr"), 3e-4),
        ("train.steps=1_000", ("train", "steps"), 1000),
        ("train.schedule=wsd", ("train", "schedule"), "wsd"),
        ("train.betas=(0.8, 0.99)", ("train", "betas"), (0.8, 0.99)),
        ("grid=2,3,4", ("grid",), (2, 3, 4)),
        ("grid=7", ("grid",), (7,)),
        ("grid=[5, 6]", ("grid",), (5, 6)),
        ("grid=", ("grid",), ()),
        ("compile=true", ("compile",), True),
        ("compile=off", ("compile",), False),
        ("limit=2", ("limit",), 2.0),
        ("limit=none", ("limit",), None),
        ("precision=16", ("precision",), 16),
        ("precision=auto", ("precision",), "auto"),
        ("note=a=b, c", ("note",), "a=b, c"),
        ("note=None", ("note",), None),
        ("name=none", ("name",), "none"),
        ("name=7", ("name",), "7"),
        ("out=runs/there", ("out",), Path("runs/there")),
        ('weights={"text": 0.5}', ("weights",), {"text": 0.5}),
        ("ema.decay=0.9", ("ema", "decay"), 0.9),
        ("ema=none", ("ema",), None),
        ('stages=[{"name": "vae", "parts": ["codec"]}]', ("stages",), (Stage("vae", ("codec",)),)),
    ],
)
def test_text_is_read_as_the_type_of_its_setting(change: str, names: tuple[str, ...], expected: Any) -> None:
    value: Any = override(BASE, [change])
    for name in names:
        value = getattr(value, name)
    assert value == expected
    assert type(value) is type(expected)


def test_an_override_changes_nothing_else_and_leaves_the_original_alone() -> None:
    changed = override(BASE, {"train.lr": 0.5, "dim": "64"})
    assert changed == Settings("base", train=Train(lr=0.5), dim=64)
    assert BASE == Settings("base")
    assert override(BASE, []) is BASE


def test_changes_that_fit_only_together_are_made_together() -> None:
    changed = override(BASE, ["train.warmup=500", "train.steps=1000"])
    assert (changed.train.warmup, changed.train.steps) == (500, 1000)
    with pytest.raises(ConfigError, match="expected at most steps = 100"):
        override(BASE, ["train.warmup=500"])


def test_a_group_that_was_none_can_be_given_as_json_and_its_names_refined() -> None:
    without = override(BASE, ["ema=none"])
    assert override(without, ['ema={"decay": 0.5}']).ema == Ema(0.5)
    with pytest.raises(ConfigError, match=r"unknown setting 'ema\.decay'; did you mean 'ema'"):
        override(without, ["ema.decay=0.5"])


@pytest.mark.parametrize(
    ("name", "nearest", "sibling"),
    [("train.lrr", "train.lr", "train.betas"), ("lr", "train.lr", "dim"), ("dimm", "dim", "grid")],
)
def test_an_unknown_name_is_told_the_nearest_and_the_siblings(name: str, nearest: str, sibling: str) -> None:
    with pytest.raises(ConfigError) as caught:
        override(BASE, {name: "1"})
    message = str(caught.value)
    assert f"unknown setting '{name}'" in message
    assert f"did you mean '{nearest}'?" in message
    assert sibling in message.partition("settings")[2].split("are: ")[1].split(", ")


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("train.lr", "fast", "expected float; for example train.lr=0.001"),
        ("train.lr", "nan", "expected float (input should be a finite number)"),
        ("train.steps", "1.5", "expected int; for example train.steps=100"),
        ("train.steps", True, "expected int (input should be a valid integer)"),
        ("train.steps", 1.5, "expected int (input should be a valid integer"),
        ("train.schedule", "linear", "expected one of 'cosine', 'wsd' (input should be 'cosine' or 'wsd')"),
        ("train.warmup", "-1", "expected int (input should be greater than or equal to 0)"),
        ("train.betas", "0.9", "expected tuple of float, float"),
        ("train.betas", "0.9,0.9,0.9", "expected tuple of float, float"),
        ("grid", "4,x", "expected tuple of int, ...; for example grid=4,4"),
        ("compile", "maybe", "expected bool; for example compile=false"),
        ("limit", "much", "expected float or none; for example limit=0.5"),
        ("dim", None, "expected int (input should be a valid integer); for example dim=256"),
        ("weights", "half", "expected dict of str, float; for example weights={}"),
        ("ema", "3", "expected the settings of Ema or none"),
        ("train", "3", "expected the settings of Train"),
    ],
)
def test_a_value_of_the_wrong_type_is_told_what_was_expected(name: str, given: Any, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        override(BASE, {name: given})
    assert str(caught.value).startswith(f"setting '{name}': got ")
    assert expected in str(caught.value)


def test_a_change_without_equals_sign_or_given_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"expected name=value, for example"):
        override(BASE, ["train.lr"])
    with pytest.raises(ConfigError, match=r"'dim' is given twice: '1' and '2'"):
        override(BASE, ["dim=1", "dim=2"])


def test_json_gives_back_equal_settings_of_the_same_types() -> None:
    rng = random.Random(0)
    for _ in range(200):
        lr, limit = rng.uniform(0, 1) * 10.0 ** rng.randint(-300, 300), rng.gauss(0, 1)
        settings = Settings(
            "some “name”\n",
            train=Train(lr=lr, betas=(rng.random(), 1.0)),
            ema=rng.choice([None, Ema(rng.random())]),
            dim=rng.randrange(2**70),
            limit=rng.choice([None, limit]),
            precision=rng.choice([16, "auto"]),
            weights={"text": rng.random()},
            stages=(Stage("codec"), Stage("model", ("backbone", "heads"))),
        )
        again = from_dict(Settings, json.loads(json.dumps(to_dict(settings))))
        assert again == settings
        assert repr(again) == repr(settings)


def test_a_whole_number_stays_a_float_where_a_float_is_asked() -> None:
    assert repr(from_dict(Train, {"lr": 1}).lr) == "1.0"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"name": "x", "dimm": 1}, r"unknown setting 'dimm'; did you mean 'dim'\?"),
        ({"name": "x", "train": {"lrr": 1}}, r"unknown setting 'train\.lrr'; did you mean 'train\.lr'\?"),
        ({"name": "x", "stages": [{"name": "a", "part": []}]}, r"unknown setting 'stages\.0\.part'"),
        ({"name": "x", "dim": "256"}, r"setting 'dim': got '256', expected int"),
        ({"name": "x", "train": 3}, r"setting 'train': got 3, expected the settings of Train"),
        ({"dim": 3}, r"setting 'name' is missing and has no default, expected str"),
    ],
)
def test_a_dict_that_does_not_fit_is_refused(data: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        from_dict(Settings, data)


def test_what_json_cannot_hold_is_refused_when_written() -> None:
    with pytest.raises(ConfigError, match=r"setting 'lr' is inf, expected a value that JSON can hold"):
        to_dict(Settings("x", train=Train(lr=float("inf"))))
    with pytest.raises(ConfigError, match="a value that JSON can hold"):
        to_dict(Settings("x", weights={"text": object()}))  # type: ignore[dict-item]


def test_describe_unfolds_groups_and_shows_the_help() -> None:
    rows = describe(BASE)
    assert rows[1] == Setting("train.lr", 1e-3, "float", "peak learning rate")
    assert [row.name for row in rows][:7] == [
        "name", "train.lr", "train.steps", "train.schedule", "train.warmup", "train.betas", "ema.decay",
    ]  # fmt: skip
    for row in rows:
        assert override(BASE, {row.name: row.value}) == BASE


def test_differences_are_told_by_dotted_name_as_they_would_be_typed() -> None:
    theirs, mine = to_dict(BASE), to_dict(override(BASE, ["train.lr=0.5", "grid=2,3", "compile=on", "ema=none"]))
    assert differences(theirs, mine) == {
        "train.lr": "train.lr=0.001 (now 0.5)",
        "grid": "grid=4,4 (now 2,3)",
        "compile": "compile=false (now true)",
        "ema.decay": "ema.decay=0.999 (now none)",
    }
    assert differences(mine, mine) == {}


def test_types_are_spelled_as_a_person_would() -> None:
    assert spell(float | None) == "float or none"
    assert spell(tuple[int, ...]) == "tuple of int, ..."
    assert spell(Literal["a", 2]) == "one of 'a', 2"
    assert spell(Annotated[int, Field(gt=0)]) == "int"
