"""Trains and evaluates methods on the open data sets, with one encoder and one budget of steps, and writes the table.

A method is found by its name: in ``configs/_base_/open_data``, with the common encoder, or in ``configs/_base_/runs``,
with its own. Where it has a config for an encoder and a set, such as ``redelab_tcn_1xb64-40e_shrec17-all.py``, that
says its settings. A name with a stream behind it, such as ``redelab@joint``, trains that stream alone. Raw coordinates
and the encoders as they are initialized, frozen and trained with labels, stand beside the methods. After an
interruption, the same command continues; another one adds to the table.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from common import positive
from mmengine.config import Config
from open_table import BATCH_SIZE, COLUMNS, RANDOM, RAW, OpenTable, describe_row, write_page

from mmskelssl.cli.config_check import checked
from mmskelssl.cli.exit_status import exit_status
from mmskelssl.datasets import SkeletonDataset
from mmskelssl.evaluation.evaluate import evaluate
from mmskelssl.evaluation.protocols import Protocol, load_protocol
from mmskelssl.evaluation.protocols.schedule import num_epochs, with_epochs
from mmskelssl.evaluation.protocols.training import trained
from mmskelssl.evaluation.reading import read_pretrained
from mmskelssl.evaluation.references import references_of
from mmskelssl.evaluation.results import EvaluationReport
from mmskelssl.evaluation.zoo import zoo_root
from mmskelssl.utils import register_all_modules
from mmskelssl.utils.config import read_config
from mmskelssl.utils.errors import ConfigError
from mmskelssl.utils.progress import bar

ENCODER = 'tcn'
METHODS = [
    *('skeletonclr', 'crossclr', 'cmd', 'mmcv_mutual', 'barlow_twins', 'vicreg', 'redelab', 'redelab@joint'),
    *('cmd_gcn_transformer', 'i2md'),
]
PROTOCOLS = tuple(COLUMNS)
# Where the test side has another camera, views are turned further; the same for every method.
OTHER_CAMERA = dict(RandomTurn=60, RandomRotation=20)


@dataclass(frozen=True)
class OpenSet:
    """A data set.

    Args:
        configs: Of ``configs/_base_/sets``; several are folds.
        turns: Type of a step of the views to its ``max_angle``, where it is another than the run's.
    """

    configs: tuple[str, ...]
    turns: dict[str, float] | None = None


SETS = dict(
    nw_ucla=OpenSet(('nw_ucla_xview',), OTHER_CAMERA),
    utd_mhad=OpenSet(('utd_mhad_xsub',)),
    sbu=OpenSet(tuple(f'sbu_fold{fold}' for fold in range(1, 6))),
    shrec17=OpenSet(('shrec17',)),
    synthetic=OpenSet(('synthetic_xsub',)),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--methods', nargs='+', default=METHODS, metavar='NAME', help='(default: %(default)s)')
    parser.add_argument('--sets', nargs='+', default=list(SETS)[:4], choices=SETS, help='(default: %(default)s)')
    parser.add_argument('--seeds', nargs='+', type=int, default=[0, 1], help='of pre-training (default: 0 1)')
    parser.add_argument('--protocols', nargs='+', default=PROTOCOLS, choices=PROTOCOLS, help='(default: all)')
    parser.add_argument(
        '--steps',
        type=positive,
        default=1000,
        help='updates of pre-training, and of every training with labels, at least (default: %(default)s)',
    )
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/open_data'), help='(default: %(default)s)')
    parser.add_argument('--out', type=Path, default=Path('docs/open_benchmark.md'), help='page (default: %(default)s)')
    args = parser.parse_args()
    return exit_status(lambda: run(args))


def run(args: argparse.Namespace) -> None:
    register_all_modules()
    root = args.work_dir / f'steps{args.steps}'
    runs = {method: find_run(method) for method in args.methods}
    protocols = [load_protocol(name, {name: options(name, args.steps)}, checked) for name in args.protocols]
    for seed in args.seeds:
        for name in args.sets:
            for data in SETS[name].configs:
                for method, path in runs.items():
                    cfg = pretraining_config(path, SETS[name], data, args.steps, seed, method.partition('@')[2])
                    measure(cfg, path.stem, root / data, protocols)
                    write_page(OpenTable.read(root, {k: one.configs for k, one in SETS.items()}), args.out, args.steps)


def find_run(method: str) -> Path:
    """What a method is but for the set: by its name and an encoder's, with the common encoder, or with its only one.

    Raises:
        ConfigError: If there is none, or there are several encoders to choose from.
    """
    name = method.partition('@')[0]
    folders = [zoo_root() / 'configs' / '_base_' / part for part in ('open_data', 'runs')]
    for pattern in (f'{name}.py', f'{name}_{ENCODER}.py', f'{name}_*.py'):
        found = sorted(path for folder in folders for path in folder.glob(pattern))
        if len(found) == 1:
            return found[0]
    known = ', '.join(sorted(path.stem for folder in folders for path in folder.glob('*.py') if path.stem != 'common'))
    raise ConfigError(f"--methods: '{name}' names {len(found)} of these, not one: {known}.")


def options(protocol: str, steps: int) -> dict:
    """What the budget changes of a protocol's config."""
    if not protocol.endswith('-augmented'):
        return {}
    return {'train_cfg.max_epochs': 1, 'protocol.min_steps': steps, 'train_dataloader.batch_size': BATCH_SIZE}


def pretraining_config(run: Path, chosen: OpenSet, data: str, steps: int, seed: int, stream: str = '') -> Config:
    """The config of a method on a set, within the budget.

    Args:
        run: Of :func:`find_run`.
        chosen: The set.
        data: One of its configs.
        steps: Updates, at least.
        seed: Of the run.
        stream: The only one; by default the run's.
    """
    configs = zoo_root() / 'configs'
    store = chosen.configs[0].replace('_', '-')
    own = sorted(configs.glob(f'*/{run.stem}_[0-9]xb*_{store}*.py'))
    cfg, parts = read_config(own[0] if own else run), read_config(configs / '_base_' / 'sets' / f'{data}.py')
    cfg = Config({**cfg.to_dict(), **parts.to_dict()})
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.update(num_workers=0, persistent_workers=False)
    cfg.train_dataloader.batch_size = BATCH_SIZE
    clips = SkeletonDataset(**{k: v for k, v in cfg.train_dataloader.dataset.items() if k in ('store', 'split')})
    cfg.model.update(layout=clips.layout.name, num_persons=int(clips.store.num_persons.max()))
    if stream:
        cfg.model.modalities = [stream]
    cfg.model.update(fitting(cfg.model, len(clips)))
    cfg.data_preprocessor = turned(cfg.data_preprocessor.to_dict(), chosen.turns or {})
    # The test side is not looked at before the end.
    cfg.update({f'val_{part}': None for part in ('dataloader', 'cfg', 'evaluator')})
    cfg.randomness = dict(seed=seed)
    return within_budget(cfg, num_epochs(Config(dict(cfg, train_cfg=dict(max_epochs=1))), len(clips), steps))


def fitting(model: Config, clips: int) -> dict:
    """Sizes that a bank of no more than all clips allows."""
    if 'queue_size' not in model:
        return {}
    size = min(model.queue_size, clips)
    return dict(queue_size=size, **({'num_neighbors': size // 2} if 'num_neighbors' in model else {}))


def turned(views: object, angles: dict[str, float]) -> object:
    """Views whose steps of these types turn by up to these angles."""
    if isinstance(views, dict):
        angle = dict(max_angle=angles[views['type']]) if views.get('type') in angles else {}
        return {key: turned(value, angles) for key, value in (views | angle).items()}
    return [turned(item, angles) for item in views] if isinstance(views, (list, tuple)) else views


def within_budget(cfg: Config, epochs: int) -> Config:
    """The config with another number of epochs; what the model counts in epochs keeps its share of them."""
    factor = epochs / cfg.train_cfg.max_epochs
    model = cfg.model
    if 'rounds' in model:
        model.rounds = [round(start * factor) for start in model.rounds]
    model.update({key: round(value * factor) for key, value in model.items() if key.endswith('_epoch')})
    cfg = with_epochs(cfg, epochs)
    cfg.default_hooks.checkpoint.interval = max(1, epochs // 4)
    return cfg


def measure(cfg: Config, name: str, folder: Path, protocols: Sequence[Protocol]) -> None:
    """Trains and evaluates a method with a seed on a set, and what it has to beat, as far as that is not done yet.

    Args:
        cfg: Of pre-training.
        name: Of the run.
        folder: Of the set.
        protocols: By which the method's first stream is evaluated.
    """
    stream, seed = list(cfg.model.get('streams') or cfg.model.modalities)[0], cfg.randomness.seed
    place = folder / f'{name}@{stream}' / f'seed{seed}'
    checkpoint = pretrain(cfg, place, f'{folder.name}, {name}, seed {seed}')
    model = read_pretrained(str(checkpoint), modalities=[stream])
    encoder = model.streams[stream]['backbone']['type']
    views = [model.train_view, model.test_pipeline]
    raw = folder / f'raw-{digest(views)}' / 'seed0'
    random = folder / f'random-{digest([*views, model.augmented_view, model.streams])}' / f'seed{seed}'
    for reference in references_of(model, cfg, protocols, random, partial(load_protocol, check=checked), seed):
        if reference.name == 'raw':
            describe_row(raw, RAW, '', '')
            show(evaluate(reference.model, reference.protocols, raw / 'evaluation'))
        elif reference.name.startswith('random'):
            describe_row(random, RANDOM, encoder, stream)
            show(evaluate(reference.model, protocols, random / 'evaluation'))
    describe_row(place, model.method, encoder, stream)
    show(evaluate(model, protocols, place / 'evaluation'))


def pretrain(cfg: Config, place: Path, what: str) -> Path:
    """The checkpoint of a finished run; where there is none, the run goes on from where it was."""
    checkpoint = place / f'epoch_{cfg.train_cfg.max_epochs}.pth'
    if not checkpoint.exists():
        cfg.work_dir = str(place)
        with bar(cfg.train_cfg.max_epochs, what) as show_epoch:
            trained(checked(cfg), show_epoch)
    return checkpoint


def digest(value: object) -> str:
    """A few letters that tell this value from others."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:6]


def show(report: EvaluationReport) -> None:
    """Prints what was found."""
    found = ', '.join(f'{result.protocol} {result.metrics["top1"]}' for result in report.results)
    print(f'{report.data.dataset}, {report.method}, {report.checkpoint}: {found}', flush=True)


if __name__ == '__main__':
    sys.exit(main())
