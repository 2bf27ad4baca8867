"""Configs are checked before hours are spent on them."""

from __future__ import annotations

import difflib
import inspect
import re
import sys
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import inf
from typing import Any

from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper, _ParamScheduler
from mmengine.registry import Registry
from mmengine.runner import FlexibleRunner, Runner
from torch.utils.data import DataLoader
from typeguard import TypeCheckError, check_type

from mmskelssl import registry
from mmskelssl.datasets import ClipStore
from mmskelssl.utils import StoreError
from mmskelssl.utils.checkpoints import checkpoint_config, load_checkpoint_file
from mmskelssl.utils.config import ConfigError
from mmskelssl.utils.errors import CheckpointError

# Smallest and largest value of a key, wherever it stands. Round brackets leave the limit itself out.
RANGES = {
    **dict.fromkeys(('temperature', 'teacher_temperature', 'student_temperature'), '(0, inf)'),
    **dict.fromkeys(('momentum', 'second_momentum'), '[0, 1]'),
    **dict.fromkeys(('queue_size', 'feat_dim', 'num_neighbors', 'num_aggregated', 'topk', 'k'), '[1, inf)'),
    **dict.fromkeys(('distill_weight', 'contrast_weight', 'lr', 'weight_decay', 'cross_epoch'), '[0, inf)'),
    **dict.fromkeys(('hidden_channels', 'base_channels', 'gcn_channels', 'ffn_channels', 'width'), '[1, inf)'),
    **dict.fromkeys(('num_layers', 'num_heads', 'num_joints', 'num_persons', 'num_classes', 'in_channels'), '[1, inf)'),
    **dict.fromkeys(('num_frames', 'min_frames', 'num_views'), '[1, inf)'),
    'dropout': '[0, 1)',
    'ratio': '(0, 1]',
    **dict.fromkeys(('batch_size', 'accumulative_counts', 'max_epochs', 'max_iters', 'val_interval'), '[1, inf)'),
    **dict.fromkeys(('num_workers', 'max_skipped'), '[0, inf)'),
    'base_batch_size': '[1, inf)',
}

# Sections without a type, by the last part of their key.
_UNTYPED = {f'{name}_dataloader': DataLoader for name in ('train', 'val', 'test', 'gallery')}

# What MMEngine takes out of a section before it builds the rest.
_TAKEN_BEFORE = {
    Hook: ('priority',),
    OptimWrapper: ('constructor', 'paramwise_cfg'),
    _ParamScheduler: ('convert_to_iter_based',),
    DataLoader: ('num_batch_per_epoch',),
}

# Keys of a config that no argument of a runner is named after.
_TOP_LEVEL = (
    *('auto_scale_lr', 'compile', 'custom_imports', 'find_unused_parameters', 'model_wrapper_cfg', 'runner_type'),
    *('sync_bn', 'resume', 'load_from', 'work_dir', 'launcher', 'protocol'),
)

# Sections that make a run's numbers what they are.
_LEARNT_BY = ('model', 'train_dataloader', 'optim_wrapper', 'param_scheduler', 'randomness')

_REGISTRIES = [value for value in vars(registry).values() if isinstance(value, Registry)]
_FOREIGN = ('mmengine', 'mmcv', 'torch')


@dataclass(frozen=True)
class Finding:
    """Something about a config.

    Args:
        key: The config key.
        text: What is wrong and what to do.
        is_mistake: Whether no run can be meant so; a trial run may well have a schedule that is too long.
    """

    key: str
    text: str
    is_mistake: bool = True

    def __str__(self) -> str:
        return f'{self.key}: {self.text}'


def check_config(cfg: Config, num_processes: int = 1) -> list[Finding]:
    """What is wrong with a config, as far as can be told without data: names, types, ranges, schedule, total batch.

    Args:
        cfg: The config.
        num_processes: Of the run.
    """
    return [
        *_check_names(cfg),
        *_check_ranges(cfg),
        *_check_schedule(cfg),
        *_check_total_batch(cfg, num_processes),
    ]


def missing_files(cfg: Config) -> list[Finding]:
    """Clip stores, splits and checkpoints that a config names and that are not there or not readable."""
    users: dict[tuple[str, str | None], list[str]] = {}
    for key, section in _sections(cfg):
        if 'store' in section:
            users.setdefault((str(section['store']), section.get('split')), []).append(key)
    findings = [
        Finding(', '.join(keys), problem)
        for (store, split), keys in users.items()
        if (problem := _problem(lambda store=store, split=split: _open_store(store, split), StoreError))
    ]
    checkpoints = {'load_from': cfg.get('load_from'), 'model.pretrained': cfg.get('model', {}).get('pretrained')}
    return findings + [
        Finding(key, problem)
        for key, path in checkpoints.items()
        if path and (problem := _problem(lambda path=path: load_checkpoint_file(path, 'cpu'), CheckpointError))
    ]


def checked(cfg: Config, num_processes: int = 1) -> Config:
    """The config itself; warns of what may be wrong.

    Raises:
        ConfigError: If there are mistakes; the message lists them all.
    """
    findings = check_config(cfg, num_processes)
    refuse(cfg, [finding for finding in findings if finding.is_mistake])
    for finding in findings:
        print(f'warning: {finding}', file=sys.stderr)
    return cfg


def changed_settings(cfg: Config, checkpoint: str) -> list[str]:
    """What a run that is resumed learns by otherwise than the checkpoint did, as ``KEY = VALUE instead of VALUE``."""
    try:
        made_with = checkpoint_config(load_checkpoint_file(checkpoint, 'cpu', mmap=True), checkpoint)
    except CheckpointError:  # of another program, or damaged, which resuming tells
        return []
    before, now = (
        {key: value for part in _LEARNT_BY if part in one for key, value in _leaves(part, one[part])}
        for one in (made_with, cfg)
    )
    keys = [key for key in sorted(before | now) if before.get(key) != now.get(key)]
    return [f'{key} = {now.get(key)} instead of {before.get(key)}' for key in keys]


def _leaves(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _leaves(f'{key}.{name}', item)
    else:
        yield key, _tuples(value)


def refuse(cfg: Config, findings: Sequence[Finding]) -> None:
    """Raises a ConfigError that lists what was found, if anything was."""
    if len(findings) == 1:
        raise ConfigError(f'{cfg.filename}: {findings[0]}')
    if findings:
        raise ConfigError('\n  '.join([f'{cfg.filename} has {len(findings)} problems:', *map(str, findings)]))


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


def _check_names(cfg: Config) -> Iterator[Finding]:
    known = _known_keys()
    for key in cfg:
        # Helpers have names of their own; one that nearly is a known key would be passed over silently.
        near = difflib.get_close_matches(key, known - {key}, 1, 0.85)
        if key not in known and not key.startswith('_') and near:
            yield Finding(key, f"no key '{key}' is ever read; nearest: '{near[0]}'.")
        meant = [section for section, content in _sections(cfg) if key not in known and key in content]
        if meant and not isinstance(cfg[key], (Mapping, list, tuple)):
            yield Finding(key, f"no key '{key}' is ever read here, but '{meant[0]}.{key}' is.")
    for key, section in _sections(cfg):
        kind = section.get('type', _UNTYPED.get(key.rpartition('.')[2]))
        if isinstance(kind, str):
            found = _resolve(kind)
            if found is None and re.search('[A-Z]', kind):
                near = _nearest(kind, list(registered()))
                own = 'an own module has to be imported: custom_imports = dict(imports=[...])'
                yield Finding(key, f'{kind} is not in any registry{near}; {own}.')
            kind = found
        if inspect.isclass(kind):
            yield from _check_arguments(key, section, kind)


def registered() -> dict[str, Any]:
    """Everything that a config can name, ours and MMEngine's."""
    every = [r for own in _REGISTRIES for r in (own.parent, own) if r is not None]
    return {name: value for r in every for name, value in r.module_dict.items()}


def _resolve(name: str) -> Any:
    return next((found for r in _REGISTRIES if (found := r.get(name)) is not None), None)


def _nearest(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, 1, 0.5)
    return f"; nearest: '{near[0]}'" if near else f'; it has {sorted(known)}' if len(known) < 20 else ''


def _check_arguments(key: str, section: Mapping, kind: type) -> Iterator[Finding]:
    """Names and types of a section against the constructors of its class."""
    parameters, is_open = _parameters(kind)
    taken = [name for base, names in _TAKEN_BEFORE.items() if issubclass(kind, base) for name in names]
    for name, value in section.items():
        if name in ('type', '_scope_', *taken):
            continue
        if name not in parameters:
            # What is handed on has names of its own; one that nearly is a known key is that key misspelt.
            if not is_open or difflib.get_close_matches(name, parameters, 1, 0.85):
                yield Finding(key, f"{kind.__name__} has no key '{name}'{_nearest(name, list(parameters))}.")
            continue
        try:
            check_type(_tuples(value), parameters[name])
        except TypeCheckError:
            wanted = re.sub(r"<class '(\w+)'>", r'\1', str(parameters[name])).replace('collections.abc.', '')
            yield Finding(
                f'{key}.{name}', f'{value!r} is a {type(value).__name__}, but {kind.__name__} wants {wanted}.'
            )


@cache
def _parameters(kind: type) -> tuple[dict[str, Any], bool]:
    """Name to type of all arguments of a class, and whether it takes others, whose names cannot be known."""
    parameters: dict[str, Any] = {}
    is_open = False
    kinds = inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL
    for owner in [owner for owner in kind.__mro__[:-1] if '__init__' in vars(owner)]:
        signature = list(inspect.signature(owner.__init__).parameters.values())[1:]
        types = {} if owner.__module__.startswith(_FOREIGN) else typing.get_type_hints(owner.__init__)
        for parameter in signature:
            if parameter.kind not in kinds:
                parameters.setdefault(parameter.name, types.get(parameter.name, Any))
        is_open = kinds[0] in [parameter.kind for parameter in signature]
        if not is_open:
            break
    return parameters, is_open


def _tuples(value: Any) -> Any:
    """Lists as tuples: the command line has no tuples, and both are taken everywhere."""
    if isinstance(value, Mapping):
        return {key: _tuples(item) for key, item in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, (list, tuple)) else value


def _check_ranges(cfg: Config) -> Iterator[Finding]:
    for key, section in _sections(cfg):
        for name in RANGES.keys() & section.keys():
            numbers = section[name] if isinstance(section[name], (list, tuple)) else [section[name]]
            wrong = [x for x in numbers if isinstance(x, (int, float)) and not _lies_in(RANGES[name], x)]
            if wrong:
                yield Finding(f'{key}.{name}', f'{wrong[0]} does not lie in {RANGES[name]}.')


def _lies_in(interval: str, number: float) -> bool:
    low, high = (float(limit) for limit in interval[1:-1].split(','))
    above = number > low or (number == low and interval[0] == '[')
    return above and (number < high or (number == high and interval[-1] == ']'))


def _check_schedule(cfg: Config) -> Iterator[Finding]:
    train = cfg.get('train_cfg') or {}
    lengths = {True: train.get('max_epochs'), False: train.get('max_iters')}
    schedulers = cfg.get('param_scheduler') or []
    for number, scheduler in enumerate(schedulers if isinstance(schedulers, list) else [schedulers]):
        by_epoch = scheduler.get('by_epoch', True)
        length, unit = lengths[by_epoch], ('max_epochs' if by_epoch else 'max_iters')
        if length is None:
            continue
        key = f'param_scheduler.{number}'
        last = dict(end=length, T_max=length, begin=length - 1, milestones=length - 1)
        for name in last.keys() & scheduler.keys():
            value = max(scheduler[name], default=0) if name == 'milestones' else scheduler[name]
            if value is not None and last[name] < value < inf:
                yield Finding(f'{key}.{name}', f'{value} lies beyond the run: train_cfg.{unit}={length}.', False)
        period, span = scheduler.get('T_max'), min(scheduler.get('end', length), length) - scheduler.get('begin', 0)
        if period and period < span:
            yield Finding(f'{key}.T_max', f'{period} is less than the {span} of the run, so that the rate rises again; '
                          'without T_max it is the length of the run.', False)  # fmt: skip
    stage = cfg.get('model', {}).get('cross_epoch', 0)
    if lengths[True] and stage >= lengths[True]:
        yield Finding('model.cross_epoch', f'the stage that begins after {stage} epochs never comes: '
                      f'train_cfg.max_epochs={lengths[True]}.', False)  # fmt: skip


def _check_total_batch(cfg: Config, num_processes: int) -> Iterator[Finding]:
    batch = (cfg.get('train_dataloader') or {}).get('batch_size')
    if not isinstance(batch, int):
        return
    wrapper = cfg.get('optim_wrapper') or {}
    accumulated = wrapper.get('accumulative_counts', 1)
    total = batch * num_processes * accumulated
    factors = f'{batch} x {num_processes} processes x {accumulated} accumulated'
    slots = cfg.get('model', {}).get('queue_size', total)
    if slots < total:
        yield Finding('model.queue_size', f'{slots} is smaller than a total batch of {total} keys ({factors}).', False)
    scale = cfg.get('auto_scale_lr') or {}
    base, lr = scale.get('base_batch_size'), wrapper.get('optimizer', {}).get('lr')
    if not base or not lr:
        return
    if scale.get('enable') and accumulated > 1:
        yield Finding('auto_scale_lr', f'--auto-scale-lr does not count accumulated batches: the rate would be '
                      f'{lr * batch * num_processes / base:g} where {lr * total / base:g} fits a total batch of '
                      f'{total} ({factors}). Set optim_wrapper.optimizer.lr to that instead.', False)  # fmt: skip
    elif not scale.get('enable') and total != base:
        yield Finding('optim_wrapper.optimizer.lr', f'{lr} is for a total batch of {base}, and this run has {total} '
                      f'({factors}): pass --auto-scale-lr, or set lr={lr * total / base:g} and '
                      f'auto_scale_lr.base_batch_size={total}.', False)  # fmt: skip


def _open_store(path: str, split: str | None) -> None:
    store = ClipStore(path)
    if split is not None:
        store.split(split)


def _problem(action: Callable[[], Any], error: type[Exception]) -> str | None:
    """What an action fails with, if it does."""
    try:
        action()
    except error as problem:
        return str(problem)
    return None
