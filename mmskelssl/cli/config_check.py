"""Finds mistakes in a config before hours are spent on it: names, types and files."""

from __future__ import annotations

import copy
import difflib
import inspect
import re
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib.util import find_spec
from typing import Any

from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper, _ParamScheduler
from mmengine.registry import Registry
from mmengine.runner import FlexibleRunner, Runner
from torch import Tensor
from torch.utils.data import DataLoader
from typeguard import TypeCheckError, check_type

from mmskelssl import registry
from mmskelssl.datasets import ClipStore
from mmskelssl.models import ProjectionNeck
from mmskelssl.utils.checkpoints import load_checkpoint_file
from mmskelssl.utils.errors import CheckpointError, ConfigError, StoreError

# Sections without a type, by the last part of their key.
_UNTYPED = {f'{name}_dataloader': DataLoader for name in ('train', 'val', 'test', 'gallery')}

# Keys that are removed from a section before the rest is built: by MMEngine, and of a neck by its encoder.
_TAKEN_BEFORE = {
    Hook: ('priority',),
    OptimWrapper: ('constructor', 'paramwise_cfg'),
    _ParamScheduler: ('convert_to_iter_based',),
    DataLoader: ('num_batch_per_epoch',),
    ProjectionNeck: ('pooling',),
}

# Keys of a config that are not arguments of a runner.
_TOP_LEVEL = (
    *('auto_scale_lr', 'compile', 'custom_imports', 'find_unused_parameters', 'model_wrapper_cfg', 'runner_type'),
    *('sync_bn', 'resume', 'load_from', 'work_dir', 'launcher', 'protocol'),
)

# Data sets of MMEngine around others, and what to do instead.
_WRAPPERS = dict(
    RepeatDataset='train for more epochs (train_cfg.max_epochs)',
    ConcatDataset='write one store of all clips (ClipStore.create), with a split for each part',
    ClassBalancedDataset='write a split that names clips of rare classes several times',
)

# MMEngine's backends of a visualizer, and what each imports only when its run has begun.
_LOGS_WITH = dict(
    TensorboardVisBackend='tensorboard',
    WandbVisBackend='wandb',
    MLflowVisBackend='mlflow',
    ClearMLVisBackend='clearml',
    NeptuneVisBackend='neptune',
    DVCLiveVisBackend='dvclive',
    AimVisBackend='aim',
)

_REGISTRIES = [value for value in vars(registry).values() if isinstance(value, Registry)]
_FOREIGN = ('mmengine', 'mmcv', 'torch')

# Arguments that whoever builds a section hands over.
_HANDED_OVER = (
    *('runner', 'model', 'dataloader', 'evaluator', 'dataset', 'optimizer', 'module'),
    *('in_channels', 'out_channels', 'num_segments', 'num_joints', 'token_channels'),
)


@dataclass(frozen=True)
class Finding:
    """A problem of a config.

    Args:
        key: The config key.
        text: What is wrong and what to do.
    """

    key: str
    text: str

    def __str__(self) -> str:
        return f'{self.key}: {self.text}'


def check_config(cfg: Config) -> list[Finding]:
    """Mistakes in the names and types of a config; constructors check the values themselves."""
    # Views can be built only from names that are right.
    return [
        *_check_top_level(cfg),
        *_check_sets(cfg),
        *_check_stages(cfg),
        *_check_sections(cfg),
        *_check_required(cfg),
        *_check_loaders(cfg),
        *_check_logs(cfg),
    ] or [*_check_views(cfg)]


def checked(cfg: Config) -> Config:
    """The config itself.

    Raises:
        ConfigError: If :func:`check_config` finds mistakes; the message lists them all.
    """
    refuse(cfg, check_config(cfg))
    return cfg


def refuse(cfg: Config, findings: Sequence[Finding]) -> None:
    """Raises a ConfigError that lists the findings, if there are any."""
    if len(findings) == 1:
        raise ConfigError(f'{cfg.filename}: {findings[0]}')
    if findings:
        raise ConfigError('\n  '.join([f'{cfg.filename} has {len(findings)} problems:', *map(str, findings)]))


def missing_files(cfg: Config) -> list[Finding]:
    """Clip stores, splits and checkpoints of a config that do not exist or cannot be read."""
    users: dict[tuple[str, str | None], list[str]] = {}
    for key, section in _sections(cfg):
        if 'store' in section:
            users.setdefault((str(section['store']), section.get('split')), []).append(key)
    findings = [
        Finding(', '.join(keys), problem)
        for (store, split), keys in users.items()
        if (problem := _problem(partial(_open_store, store, split), StoreError))
    ]
    checkpoints = {f'{key}.pretrained': section.get('pretrained') for key, section in _sections(cfg)}
    checkpoints['load_from'] = cfg.get('load_from')
    return findings + [
        Finding(key, problem)
        for key, path in checkpoints.items()
        if path and (problem := _problem(partial(load_checkpoint_file, path, 'cpu'), CheckpointError))
    ]


def _sections(cfg: Config) -> Iterator[tuple[str, Mapping]]:
    """Every dict of the parts of a config that a runner reads, with its key."""
    for key in sorted(_known_keys() & set(cfg)):
        yield from _walk(key, cfg[key])


def _walk(key: str, value: Any) -> Iterator[tuple[str, Mapping]]:
    if isinstance(value, Mapping):
        yield key, value
        for name, item in value.items():
            yield from _walk(f'{key}.{name}', item)
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            yield from _walk(f'{key}.{number}', item)


@cache
def _known_keys() -> set[str]:
    runners = (inspect.signature(runner.__init__).parameters for runner in (Runner, FlexibleRunner))
    return {name for parameters in runners for name in parameters if name not in ('self', 'cfg')} | set(_TOP_LEVEL)


def _check_top_level(cfg: Config) -> Iterator[Finding]:
    known = _known_keys()
    for key in cfg:
        # A config may have helper variables. One that is nearly a known key is that key, misspelt.
        near = difflib.get_close_matches(key, known - {key}, 1, 0.85)
        if key not in known and not key.startswith('_') and near:
            yield Finding(key, f"nothing reads this key; nearest: '{near[0]}'.")
        meant = [section for section, content in _sections(cfg) if key not in known and key in content]
        if meant and not isinstance(cfg[key], (Mapping, list, tuple)):
            yield Finding(key, f"nothing reads this key at the top level; '{meant[0]}.{key}' is read.")


def _check_sets(cfg: Config) -> Iterator[Finding]:
    """Sets of clips that no data loader has, such as a ``train_set`` beside an inherited ``train_dataloader``."""
    sections = [section for _, section in _sections(cfg) if 'store' in section]
    for key, value in cfg.items():
        if key in _known_keys() or key.startswith('_') or not isinstance(value, Mapping) or 'store' not in value:
            continue
        if not any(all(section.get(name) == item for name, item in value.items()) for section in sections):
            yield Finding(
                key, 'nothing reads this set of clips: say it in train_dataloader.dataset, or that of val and test.'
            )


def _check_stages(cfg: Config) -> Iterator[Finding]:
    for stage in ('val', 'test'):
        keys = [f'{stage}_{part}' for part in ('dataloader', 'cfg', 'evaluator')]
        without = [key for key in keys if cfg.get(key) is None]
        if 0 < len(without) < len(keys):
            yield Finding(without[0], f'it is None: {", ".join(keys)} are set together, or all None.')


def _check_sections(cfg: Config) -> Iterator[Finding]:
    for key, section in _sections(cfg):
        kind = section.get('type', _UNTYPED.get(key.rpartition('.')[2]))
        if isinstance(kind, str):
            found = _resolve(kind)
            if found is None and re.search('[A-Z]', kind):
                near = _nearest(kind, list(registered()))
                hint = 'import a custom module by custom_imports = dict(imports=[...])'
                yield Finding(key, f'{kind} is not in any registry{near}; {hint}.')
            kind = found
        if inspect.isclass(kind):
            yield from _check_arguments(key, section, kind)


def _check_required(cfg: Config) -> Iterator[Finding]:
    if 'protocol' in cfg:
        return  # a recipe, completed by what it evaluates
    for key, section in _sections(cfg):
        kind = section.get('type')
        kind = _resolve(kind) if isinstance(kind, str) else kind
        if not inspect.isclass(kind) or not kind.__module__.startswith('mmskelssl'):
            continue
        for name, parameter in inspect.signature(kind).parameters.items():
            is_needed = parameter.default is parameter.empty and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
            if is_needed and name not in section and name not in _HANDED_OVER:
                yield Finding(key, f"{kind.__name__} needs '{name}'.")


def _check_loaders(cfg: Config) -> Iterator[Finding]:
    for key, section in _sections(cfg):
        if not key.rpartition('.')[2].endswith('_dataloader'):
            continue
        if section.get('shuffle') is not None:
            yield Finding(
                f'{key}.shuffle', "the sampler says it here: set sampler=dict(type='ClipSampler', shuffle=...) instead."
            )
        name = _type_name(section.get('dataset') or {})
        if name in _WRAPPERS:
            yield Finding(
                f'{key}.dataset', f'{name} serves clip by clip, data sets here serve batches: {_WRAPPERS[name]}.'
            )


def _check_logs(cfg: Config) -> Iterator[Finding]:
    for key, section in _sections(cfg):
        name = _type_name(section)
        package = _LOGS_WITH.get(name)
        if package and find_spec(package) is None:
            yield Finding(key, f'{name} needs {package}: pip install {package}')
        if package == 'mlflow' and not section.get('tracking_uri'):
            # MMEngine's default is a plain folder, which MLflow 3 refuses.
            yield Finding(
                f'{key}.tracking_uri',
                "MLflow keeps runs in a data base: set 'sqlite:///mlflow.db', or the address of your server.",
            )


def _type_name(section: Mapping) -> str:
    """The type of a section, a class or its name, without a scope."""
    kind = section.get('type')
    return kind.__name__ if inspect.isclass(kind) else str(kind).rpartition('.')[2]


def _check_views(cfg: Config) -> Iterator[Finding]:
    views = cfg.get('data_preprocessor')
    if views and (problem := _problem(lambda: registry.MODELS.build(copy.deepcopy(views)), ConfigError)):
        yield Finding('data_preprocessor', problem)


def registered() -> dict[str, Any]:
    """Everything that a config can name, by its name: ours and MMEngine's."""
    every = [r for own in _REGISTRIES for r in (own.parent, own) if r is not None]
    return {name: value for r in every for name, value in r.module_dict.items()}


def _resolve(name: str) -> Any:
    return next((found for r in _REGISTRIES if (found := r.get(name)) is not None), None)


def _nearest(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, 1, 0.5)
    return f"; nearest: '{near[0]}'" if near else f'; it has {sorted(known)}' if len(known) < 20 else ''


def _check_arguments(key: str, section: Mapping, kind: type) -> Iterator[Finding]:
    """Checks the names and types of a section against the constructors of its class."""
    parameters, is_open = _parameters(kind)
    taken = [name for base, names in _TAKEN_BEFORE.items() if issubclass(kind, base) for name in names]
    for name, value in section.items():
        if name in ('type', '_scope_', *taken):
            continue
        if name not in parameters:
            # Constructors with **kwargs take any name. One that is nearly a known key is that key, misspelt.
            if not is_open or difflib.get_close_matches(name, parameters, 1, 0.85):
                yield Finding(key, f"{kind.__name__} has no key '{name}'{_nearest(name, list(parameters))}.")
            continue
        try:
            wanted, is_ours = parameters[name]
            if isinstance(value, str) and not _takes_text(wanted):
                raise TypeCheckError('text')
            if is_ours:
                check_type(as_tuples(value), wanted)
        except TypeCheckError:
            text = re.sub(r"<class '(\w+)'>", r'\1', str(wanted)).replace('collections.abc.', '')
            yield Finding(f'{key}.{name}', f'{value!r} is a {type(value).__name__}, but {kind.__name__} needs {text}.')


def _takes_text(wanted: Any) -> bool:
    """Whether an annotation is for text too; a string is not a sequence of strings here."""
    if typing.get_origin(wanted) in (typing.Union, types.UnionType):
        return any(map(_takes_text, typing.get_args(wanted)))
    if typing.get_origin(wanted) in (Sequence, list, tuple):
        return False
    return wanted not in (int, float, bool, type(None), Tensor, Sequence, list, tuple)


@cache
def _parameters(kind: type) -> tuple[dict[str, tuple[Any, bool]], bool]:
    """Name to (type, whether that is ours) of all arguments of a class; and whether it takes unknown ones too."""
    parameters: dict[str, tuple[Any, bool]] = {}
    is_open = False
    kinds = inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL
    for owner in [owner for owner in kind.__mro__[:-1] if '__init__' in vars(owner)]:
        constructor = vars(owner)['__init__']
        signature = list(inspect.signature(constructor).parameters.values())[1:]
        try:
            hints = typing.get_type_hints(constructor)
        except (NameError, TypeError):  # annotations of other packages may not hold at run time
            hints = {}
        for parameter in signature:
            if parameter.kind not in kinds:
                is_ours = not owner.__module__.startswith(_FOREIGN)
                parameters.setdefault(parameter.name, (hints.get(parameter.name, Any), is_ours))
        is_open = kinds[0] in [parameter.kind for parameter in signature]
        if not is_open:
            break
    return parameters, is_open


def as_tuples(value: Any) -> Any:
    """Lists become tuples: the command line has no tuples, and all keys accept both."""
    if isinstance(value, Mapping):
        return {key: as_tuples(item) for key, item in value.items()}
    return tuple(map(as_tuples, value)) if isinstance(value, (list, tuple)) else value


def _open_store(path: str, split: str | None) -> None:
    store = ClipStore(path)
    if split is not None:
        store.split(split)


def _problem(action: Callable[[], Any], error: type[Exception]) -> str | None:
    """The message of an action's error, if it raises one."""
    try:
        action()
    except error as problem:
        return str(problem)
    return None
