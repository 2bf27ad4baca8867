"""Times nearest-neighbour classification against scikit-learn's, in turn, on random features, and compares predictions.

scikit-learn runs with and without parallel chunks. --full has the size of NTU RGB+D 60, cross-subject: 40,091 x 16,487
features of 2,048.
"""

from __future__ import annotations

import argparse
import sys

import torch
from common import in_turn, positive, spread, table
from sklearn.neighbors import KNeighborsClassifier
from threadpoolctl import threadpool_limits

from mmskelssl.cli.exit_status import exit_status
from mmskelssl.evaluation import knn_predict

CLASSES = 60


def benchmark(args: argparse.Namespace) -> None:
    num_gallery, num_queries, width = (40091, 16487, 2048) if args.full else (args.gallery, args.queries, args.width)
    torch.set_num_threads(args.threads)
    generator = torch.Generator().manual_seed(0)
    gallery, queries = (torch.randn(n, width, generator=generator) for n in (num_gallery, num_queries))
    labels = torch.randint(CLASSES, (num_gallery,), generator=generator)
    predicted = {}

    def ours() -> None:
        predicted['mmskelssl'] = knn_predict(gallery, labels, queries, args.k).numpy()

    def theirs(jobs: int | None) -> None:
        model = KNeighborsClassifier(args.k, metric='cosine', algorithm='brute', n_jobs=jobs)
        predicted[jobs] = model.fit(gallery.numpy(), labels.numpy()).predict(queries.numpy())

    works = {'mmskelssl': ours} | {
        f'scikit-learn, n_jobs={jobs}': lambda jobs=jobs: theirs(jobs) for jobs in (None, args.threads)
    }
    with threadpool_limits(args.threads):
        seconds = in_turn(works, args.repeats)
    print(f'{num_gallery} x {num_queries} features of {width}, k = {args.k}, {args.threads} threads')
    rows = [
        [name, *spread(times, 2), (other != predicted['mmskelssl']).sum()]
        for (name, times), other in zip(seconds.items(), predicted.values(), strict=True)
    ]
    print(table(('seconds', 'median', 'lowest', 'highest', 'predictions that differ'), rows))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--gallery', type=positive, default=2000, help='training clips (default: 2000)')
    parser.add_argument('--queries', type=positive, default=1000, help='test clips (default: 1000)')
    parser.add_argument('--width', type=positive, default=256, help='width of a feature (default: 256)')
    parser.add_argument('--full', action='store_true', help='40091 training clips, 16487 test clips, width 2048')
    parser.add_argument('--k', type=positive, default=1, help='neighbours that vote (default: 1)')
    parser.add_argument('--threads', type=positive, default=2, help='of both (default: 2)')
    parser.add_argument('--repeats', type=positive, default=1, help='rounds, of which medians are taken (default: 1)')
    return exit_status(lambda: benchmark(parser.parse_args()))


if __name__ == '__main__':
    sys.exit(main())
