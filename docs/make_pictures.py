"""Makes the README's pictures from the synthetic set and the weights that come with the package.

python tools/dataset_converters/synthetic.py data/synthetic
python docs/make_pictures.py    # into docs/pictures; that of the report needs Chromium, its driver and selenium
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from mmengine.config import Config
from PIL import Image

from mmskelssl.apis import extract_features, find_config, init_model
from mmskelssl.datasets import ClipStore, SkeletonDataset
from mmskelssl.datasets.sampler import ClipRequest
from mmskelssl.evaluation import knn_predict
from mmskelssl.evaluation.zoo import find_weights
from mmskelssl.registry import MODELS
from mmskelssl.visualization import animate, save_figure
from mmskelssl.visualization.embedding import choose_clips, embed
from mmskelssl.visualization.plots import class_colors

ROOT = Path(__file__).parents[1]
MODEL = 'skeletonclr_bigru64_1xb64-30e_synthetic-xsub'
ACTION = 'clap'
CLASSES = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--store', default='data/synthetic', help='the synthetic set (default: %(default)s)')
    parser.add_argument('--out', type=Path, default=ROOT / 'docs' / 'pictures', help='folder (default: docs/pictures)')
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    draw_views(args.store, args.out / 'views.gif')
    draw_features(ClipStore(args.store), args.out / 'features.png')
    draw_report(args.store, args.out / 'report.png')
    for path in sorted(args.out.iterdir()):
        print(f'{path}: {path.stat().st_size / 1000:,.0f} kB')


def draw_views(store: str, path: Path) -> None:
    """A clip, and the two views of it that a method of contrast learns from."""
    cfg = Config.fromfile(find_config(MODEL))
    model = init_model(MODEL, device='cpu')
    dataset = SkeletonDataset(store, 'xsub_train', cfg.train_dataloader.dataset.normalize)
    label = dataset.store.classes.index(ACTION)
    position = np.flatnonzero(dataset.labels == label)[0]
    batch = dataset.__getitems__([ClipRequest(int(position), 0)])
    preprocessor = MODELS.build(dict(cfg.data_preprocessor, layout=model.layout, num_persons=1))
    views = [view[0].numpy() for view in preprocessor(batch, training=True)['inputs']]
    clip = dataset.store[dataset.indices[position]]
    titles = [f'a clip: {ACTION}', 'view of the query', 'view of the key']
    animate([clip[:1], *views], titles, model.layout, path, fps=20, size=2.4)


def draw_features(store: ClipStore, path: Path) -> None:
    """Features of the test clips before and after pre-training, with the accuracy of the nearest neighbour."""
    torch.manual_seed(0)
    figure = Figure(figsize=(10, 5), layout='constrained')
    colors = class_colors(CLASSES)
    for axes, (title, model) in zip(
        figure.subplots(1, 2),
        {
            'before pre-training': init_model(MODEL, device='cpu'),
            'after': init_model(MODEL, device='cpu', pretrained=True),
        }.items(),
        strict=True,
    ):
        train, test = (extract_features(model, store, f'xsub_{side}') for side in ('train', 'test'))
        (gallery,), (queries,) = (found['features'].values() for found in (train, test))
        accuracy = (knn_predict(gallery, train['labels'], queries) == test['labels']).double().mean()
        labels = test['labels'].numpy()
        rows = choose_clips(labels, CLASSES, len(labels), seed=0)
        points = embed(queries[rows].numpy(), 'tsne', seed=0)
        for label in range(CLASSES):
            mine = points[labels[rows] == label]
            axes.scatter(*mine.T, s=14, color=colors[label], linewidths=0, label=store.classes[label])
        axes.set(xticks=[], yticks=[], title=f'{title}: nearest neighbour right for {100 * accuracy:.0f} %')
    handles, names = axes.get_legend_handles_labels()
    figure.legend(handles, names, loc='outside lower center', ncols=5, fontsize=8, frameon=False)
    save_figure(figure, path, dpi=90)
    shrink(path)


def draw_report(store: str, path: Path) -> None:
    """The page of an evaluation, with a clip of its embedding that was clicked."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    for flag in ('headless', 'no-sandbox', 'hide-scrollbars', 'window-size=1280,800'):
        options.add_argument(f'--{flag}')
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(ROOT / 'tools' / 'evaluate.py'), str(find_weights(MODEL)), '--store', store]
        command += ['--protocols', 'knn', 'linear-fast', '--work-dir', folder]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        with webdriver.Chrome(options=options) as browser:
            browser.get((Path(folder) / 'report.html').as_uri() + '#embedding')
            browser.execute_script('report.scatter.play(report.scatter.set.clips.findIndex((clip) => clip !== null))')
            browser.execute_script('report.player.pause(); report.player.seek(12)')
            browser.save_screenshot(str(path))
    shrink(path)


def shrink(path: Path) -> None:
    """A picture in 256 colours: a third of the bytes, and no difference to see."""
    Image.open(path).convert('RGB').quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == '__main__':
    main()
