"""Measures a pre-trained encoder beside its references: raw coordinates and the same encoder at random.

Each is evaluated by KNN (k = 1, cosine) and by the linear protocol of a config; the last epoch counts.
"""

import argparse
import json
import sys
import time
from copy import deepcopy
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.runner import Runner

from mmskelssl.apis import extract_features
from mmskelssl.cli.exit_status import exit_status
from mmskelssl.evaluation import knn_predict
from mmskelssl.registry import DATASETS
from mmskelssl.utils import register_all_modules
from mmskelssl.utils.config import add_config_arguments, load_config
from mmskelssl.utils.files import written_beside


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    add_config_arguments(parser)
    parser.add_argument('checkpoint', help='pre-trained checkpoint')
    parser.add_argument(
        '--out',
        type=Path,
        help='folder of the table and of the linear runs (default: comparison/ beside the checkpoint)',
    )
    parser.add_argument(
        '--raw-lr', type=float, default=0.01, help="learning rate on raw coordinates, whose scale is not an encoder's"
    )
    args = parser.parse_args()
    out = args.out or Path(args.checkpoint).parent / 'comparison'
    return exit_status(lambda: compare(load_config(args), args.checkpoint, out, args.raw_lr))


def compare(cfg: Config, checkpoint: str, out: Path, raw_lr: float) -> None:
    """Runs the linear config for the three encoders and writes ``comparison.json`` and ``comparison.md``."""
    register_all_modules()
    results = {}
    for name, changed in variants(cfg, checkpoint, raw_lr).items():
        changed.work_dir = str(out / name.replace(' ', '-'))
        results[name] = dict(evaluate(changed), work_dir=changed.work_dir)
    table = markdown(results)
    for file, text in (('comparison.json', json.dumps(results, indent=1)), ('comparison.md', table)):
        with written_beside(out / file) as path:
            path.write_text(text + '\n', encoding='utf-8')
    print(table)
    print(f'\nConfusion matrices: {out}/*/confusion.png')


def variants(cfg: Config, checkpoint: str, raw_lr: float) -> dict[str, Config]:
    """The linear config for each encoder."""
    (view,) = DATASETS.build(cfg.val_dataloader.dataset)[0]['inputs']
    raw = deepcopy(cfg)
    raw.model.backbone = dict(type='RawCoordinates', out_channels=view[0].numel())
    raw.model.modality = 'joint'
    raw.optim_wrapper.optimizer.lr = raw_lr
    trained = deepcopy(cfg)
    trained.model.pretrained = checkpoint
    return {'raw coordinates': raw, 'random encoder': cfg, 'pre-trained encoder': trained}


def evaluate(cfg: Config) -> dict[str, float]:
    """Percentages of one encoder, and how long they took in seconds."""
    start = time.perf_counter()
    cfg.log_level = 'WARNING'
    cfg.train_cfg.val_interval = cfg.train_cfg.max_epochs
    cfg.experiment_name = f'{Path(cfg.work_dir).name}_{time.time_ns()}'
    runner = Runner.from_cfg(cfg)
    runner.train()
    linear = runner.val_loop.evaluator.metrics[0].report()
    hits = torch.tensor(linear['confusion'])
    return dict(
        knn_top1=knn_top1(runner, cfg),
        linear_top1=100 * (hits.trace() / hits.sum()).item(),
        seconds=time.perf_counter() - start,
    )


def knn_top1(runner: Runner, cfg: Config) -> float:
    """1-NN accuracy of the test clips among the training clips, both cropped as in testing."""
    gallery_loader = deepcopy(cfg.val_dataloader)
    gallery_loader.dataset = dict(cfg.train_dataloader.dataset, pipeline=cfg.val_dataloader.dataset.pipeline)
    gallery = extract_features(runner.model, runner.build_dataloader(gallery_loader))
    queries = extract_features(runner.model, runner.val_dataloader)
    modality = cfg.model.modality
    predicted = knn_predict(gallery['features'][modality], gallery['labels'], queries['features'][modality])
    return 100 * (predicted == queries['labels']).double().mean().item()


def markdown(results: dict[str, dict]) -> str:
    """The results as a table."""
    rows = [f'| {name} | {r["knn_top1"]:.1f} | {r["linear_top1"]:.1f} |' for name, r in results.items()]
    return '\n'.join(['| encoder | KNN top-1 (%) | linear top-1 (%) |', '|---|---|---|', *rows])


if __name__ == '__main__':
    sys.exit(main())
