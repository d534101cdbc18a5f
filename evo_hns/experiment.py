"""Experiment files: found by name, refined by options, checked with errors for people.

An experiment is a TOML file that says what differs from the defaults. Options are the same settings written
`search.popsize=128`, or in Python `{"search.popsize": 128}`, laid over the file. The tables `policy` and `search`
speak of both sides at once, and so do options of that name, whatever the file says of one side.
Everything wrong with a setting is a `ConfigError` of one line.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from evo_hns.config import KINDS, ConfigError, RunConfig, RungConfig, merge, spread
from evo_hns.spec import Side
from evo_hns.system.installation import shipped_folder
from evo_hns.system.spelling import did_you_mean

SIDES = tuple(side.label for side in Side)


def load_experiment(name: str, options: Sequence[str] | Mapping[str, Any] = ()) -> RunConfig:
    """The settings of an experiment.

    Args:
        name: path of a TOML file, or the name of one in an `experiments` folder.
        options: settings as they are typed, such as `"search.popsize=128"`, or by dotted name, such as
            `{"search.popsize": 128}`; they win over the file.

    Raises:
        ConfigError: no such experiment, a file that is not TOML, a setting that is wrong.
    """
    path = find_experiment(name)
    typed = not isinstance(options, Mapping)
    over = nest(options.items()) if isinstance(options, Mapping) else read_options(options)
    tables = merge(read_toml(path), spread(over))
    return parse_config(tables, origin=str(path), options=over, typed=typed)


def resolve_config(
    config: str | Path | RunConfig | Mapping[str, Any], settings: Mapping[str, Any] | None = None
) -> RunConfig:
    """The settings that somebody means who writes Python.

    Args:
        config: an experiment (see `load_experiment`), settings, or tables of settings as in a file.
        settings: by dotted name; they win.

    Raises:
        ConfigError: as `load_experiment`.
    """
    if not isinstance(config, str | Path | RunConfig | Mapping):
        raise ConfigError(f"got {config!r}, expected an experiment, settings or tables of settings")
    if not isinstance(settings or {}, Mapping):
        raise ConfigError(f"got {settings!r}, expected settings by dotted name, such as {{'search.popsize': 64}}")
    if isinstance(config, str | Path):
        return load_experiment(str(config), settings or {})
    over = nest((settings or {}).items())
    if isinstance(config, RunConfig):
        if not over:
            return config
        below, given = config.model_dump(mode="json"), over
    else:
        below = nest(config.items())
        given = merge(below, over)
    tables = merge(_fitting(spread(below), spread(over)), spread(over))
    return parse_config(tables, options=given, typed=False)


def find_experiment(name: str, folders: Sequence[Path] | None = None) -> Path:
    """The file of an experiment.

    Args:
        name: path of a TOML file, or a name without folder and ending.
        folders: where names are looked up; by default `experiments` here and the shipped one.

    Raises:
        ConfigError: there is no such file; the message lists the names there are.
    """
    if name.endswith(".toml") or "/" in name:
        if Path(name).is_file():
            return Path(name)
        raise ConfigError(f"no experiment file {name!r}; give the path of a TOML file or a name: {_listed(folders)}")
    found = _experiments(folders)
    if name not in found:
        raise ConfigError(f"no experiment {name!r}{did_you_mean(name, found)}; there are: {_listed(folders)}")
    return found[name]


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file.

    Raises:
        ConfigError: the file cannot be read, or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not a TOML file: {error}") from None
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None


def read_options(options: Iterable[str]) -> dict[str, Any]:
    """Tables of settings from `key.key=value` texts; the last of equal keys wins.

    Raises:
        ConfigError: a text without `=`, or a setting used as a table.
    """
    pairs = []
    for option in options:
        key, equals, text = option.partition("=")
        if not equals:
            raise ConfigError(f"got the setting {option!r}, expected KEY=VALUE, for instance search.popsize=64")
        pairs.append((key.replace("-", "_"), _value(text)))
    return nest(pairs)


def nest(settings: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Tables of settings from their dotted names and values; the last of equal names wins.

    Raises:
        ConfigError: a setting is used as a table.
    """
    tables: dict[str, Any] = {}
    for key, value in settings:
        *parents, leaf = str(key).split(".")
        table = tables
        for parent in parents:
            table = table.setdefault(parent, {})
            if not isinstance(table, dict):
                raise ConfigError(f"{key}: {parent} is given both as a setting and as a table")
        below = table.get(leaf)
        tables_too = nest(value.items()) if isinstance(value, Mapping) else value
        table[leaf] = merge(below if isinstance(below, dict) else {}, tables_too)
    return tables


def dotted_names(tables: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """The settings in nested tables, by dotted name."""
    for name, value in tables.items():
        if isinstance(value, Mapping):
            yield from dotted_names(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def parse_config(
    data: Mapping[str, Any],
    origin: str = "settings",
    options: Mapping[str, Any] | None = None,
    *,
    typed: bool = True,
) -> RunConfig:
    """Checked settings from nested tables.

    Args:
        data: the tables of an experiment.
        origin: where they come from, for the message.
        options: those of `data` that do not come from there, for the message.
        typed: they were typed on the command line.

    Raises:
        ConfigError: a setting is unknown, out of range or of the wrong type.
    """
    try:
        return RunConfig.model_validate(data)
    except ValidationError as error:
        complaints: dict[str, str] = {}
        errors = error.errors(include_url=False)
        for wrong in errors:
            path, kind = _without_kind([str(part) for part in wrong["loc"]])
            if wrong["type"] == "union_tag_invalid":
                path += [wrong["ctx"]["discriminator"].strip("'")]
            if wrong["type"] == "extra_forbidden":
                path += _first_leaf(wrong["input"])  # of a table that there is not
            key, is_option = _as_written(path, options or {}, data)
            if is_option:
                where = option_name(key) if typed else f"settings: {key}"
            else:
                where = f"{origin}: {key}" if key else origin + " with what was given" * bool(options)
            complaints.setdefault(where, f"{where}: {_other_kind(path, kind, errors) or _complaint(wrong, key)}")
        first, *more = complaints.values()
        raise ConfigError(first + (f" (and {len(more)} more)" if more else "")) from None


def option_name(key: str) -> str:
    """A setting as it is typed."""
    return f"--{key.replace('_', '-')}"


def setting_names() -> list[str]:
    """Every setting by its dotted name, the shared ones first."""
    names = list(dict.fromkeys(_leaves(RunConfig)))
    shared = [name.removeprefix("hiders.") for name in names if name.startswith(tuple(f"hiders.{k}." for k in KINDS))]
    return shared + names


def refuse_unused(
    options: Iterable[str], is_used: Callable[[str], bool], why: str, written: Callable[[str], str] = option_name
) -> None:
    """Refuse settings that were given and would change nothing.

    Args:
        options: `key.key=value` texts, or names alone.
        is_used: whether a setting counts, by its dotted name without a side.
        why: who does not take the others, to stand after the name of a setting.
        written: that name as the user wrote it.

    Raises:
        ConfigError: there is one of the others; a name that is no setting at all is left to `load_experiment`.
    """
    known = set(setting_names())
    for option in options:
        key = option.partition("=")[0].replace("-", "_")
        table, _, rest = key.partition(".")
        if key in known and not is_used(rest if table in SIDES else key):
            raise ConfigError(f"{written(key)}: {why}")


def _experiments(folders: Sequence[Path] | None) -> dict[str, Path]:
    """Files by name; the folder here wins over the shipped one."""
    if folders is None:
        folders = (Path("experiments"), shipped_folder("experiments"))
    return {path.stem: path for folder in reversed(folders) for path in sorted(folder.glob("*.toml"))}


def _listed(folders: Sequence[Path] | None) -> str:
    return ", ".join(sorted(_experiments(folders))) or "none here; give the path of a TOML file"


def _value(text: str) -> Any:
    """A TOML value where the text is one, else the text itself; `none` is nothing."""
    if text.lower() in ("none", "true", "false"):
        return {"none": None, "true": True, "false": False}[text.lower()]
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _leaves(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        # a table may be optional, or of several kinds; a list of tables is one setting
        kinds = () if get_origin(field.annotation) is tuple else get_args(field.annotation) or (field.annotation,)
        tables = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
        if not tables:
            yield prefix + name
        for table in tables:
            yield from _leaves(table, f"{prefix}{name}.")


def _as_written(path: list[str], options: Mapping[str, Any], data: Mapping[str, Any]) -> tuple[str, bool]:
    """The dotted name under which the user wrote a setting, and whether it was on the command line."""
    shared = path[1:] if path and path[0] in SIDES else path
    known = setting_names()  # of which none is a table
    for tables, typed in ((options, True), (data, False)):
        for candidate in (path, shared):
            if candidate and _holds(tables, candidate):
                # of a table that was typed, whose settings do not go together, that one that was
                rest = _first_leaf(_at(tables, candidate)) if typed and ".".join(candidate) not in known else []
                return ".".join([*candidate, *rest]), typed
    return ".".join(path), False


def _without_kind(path: list[str]) -> tuple[list[str], str]:
    """Where an error is without the name of the kind that pydantic puts behind a table, and that name."""
    if len(path) > 2 and path[0] in SIDES and path[1] in KINDS:
        return path[:2] + path[3:], path[2]
    return path, ""


def _first_leaf(value: Any) -> list[str]:
    """The names on the way to the first setting in nested tables; none if it is a setting itself."""
    if not isinstance(value, Mapping) or not value:
        return []
    name, inner = next(iter(value.items()))
    return [str(name), *_first_leaf(inner)]


def _at(tables: Any, path: Sequence[str]) -> Any:
    """What nested tables hold there; nothing inside of a list."""
    for part in path:
        tables = tables[part] if isinstance(tables, Mapping) else None
    return tables


def _holds(tables: Any, path: Sequence[str]) -> bool:
    for part in path:
        if isinstance(tables, list | tuple):
            return True
        if not isinstance(tables, Mapping) or part not in tables:
            return False
        tables = tables[part]
    return True


def _fitting(base: Mapping[str, Any], tables: Mapping[str, Any]) -> dict[str, Any]:
    """The base without what networks and searches lack that the tables choose instead of its own."""
    fitting = dict(base)
    for side, (name, kinds) in product(SIDES, KINDS.items()):
        chosen: Any = tables
        for part in (side, name, kinds.tag):
            chosen = chosen.get(part) if isinstance(chosen, Mapping) else None
        if chosen is not None and name in base.get(side, {}):
            fitting[side] = fitting[side] | {name: kinds.without_unused({**base[side][name], kinds.tag: chosen})}
    return fitting


def _other_kind(path: Sequence[str], kind: str, errors: Sequence[Mapping[str, Any]]) -> str:
    """What is wrong with a setting that kinds of networks or searches have which were not chosen; else nothing.

    Args:
        path: of the setting, with its side; of a whole table, if its settings do not go together.
        kind: that was chosen, if there are several.
        errors: all of them, which tell whether both sides chose it.
    """
    if not kind or len(path) < 3 or kind in (owners := KINDS[path[1]].owners(path[2])) or not owners:
        return ""  # of a whole table, it is what its settings are together
    both = sum(tuple(wrong["loc"][1:4]) == (path[1], kind, path[2]) for wrong in errors) > 1
    tag = ".".join([*path[both:2], KINDS[path[1]].tag])
    *most, last = map(repr, owners)
    names = f"{', '.join(most)} or {last}" if most else last
    return f"{tag} {kind!r} has no such setting: leave it out, or set {tag} to {names}"


def _complaint(error: Mapping[str, Any], key: str) -> str:
    """What is wrong with one setting: got and expected, or the name that was meant."""
    if error["type"] == "extra_forbidden":
        if ".rungs." in key:
            return f"no such setting, a rung has {', '.join(RungConfig.model_fields)}"
        return f"no such setting{did_you_mean(key, setting_names())}"
    if error["type"] == "union_tag_invalid":
        return f"got {error['ctx']['tag']!r}, expected {error['ctx']['expected_tags']}"
    if error["type"] in ("model_type", "model_attributes_type"):
        return f"got {error['input']!r}, expected a table of settings"
    if error["type"] == "tuple_type":
        return f"got {error['input']!r}, expected a list"
    if error["type"] == "missing":
        return f"missing, got only {error['input']!r}"
    if error["type"] == "value_error":
        return str(error["msg"]).removeprefix("Value error, ")
    return f"got {error['input']!r}, expected {str(error['msg']).removeprefix('Input should be ')}"
