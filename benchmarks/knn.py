"""Times nearest-neighbour classification against scikit-learn's, in turn, on random features, and compares predictions.

``--full`` has the size of NTU RGB+D 60, cross-subject: 40,091 x 16,487 features of 2,048.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time

import torch
from sklearn.neighbors import KNeighborsClassifier
from threadpoolctl import threadpool_limits

from mmskelssl.cli.exit_status import exit_status
from mmskelssl.evaluation import knn_predict

CLASSES = 60


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--gallery', type=int, default=2000, help='training clips (default: 2000)')
    parser.add_argument('--queries', type=int, default=1000, help='test clips (default: 1000)')
    parser.add_argument('--width', type=int, default=256, help='width of a feature (default: 256)')
    parser.add_argument('--full', action='store_true', help='40091 training clips, 16487 test clips, width 2048')
    parser.add_argument('--k', type=int, default=1, help='neighbours that vote (default: 1)')
    parser.add_argument('--threads', type=int, default=2, help='of both (default: 2)')
    args = parser.parse_args()
    sizes = (40091, 16487, 2048) if args.full else (args.gallery, args.queries, args.width)
    return exit_status(lambda: print(benchmark(*sizes, args.k, args.threads)))


def benchmark(num_gallery: int, num_queries: int, width: int, k: int, threads: int) -> str:
    """Times and agreement as text; scikit-learn with and without parallel chunks, of which the faster counts."""
    torch.set_num_threads(threads)
    generator = torch.Generator().manual_seed(0)
    gallery, queries = (torch.randn(n, width, generator=generator) for n in (num_gallery, num_queries))
    labels = torch.randint(CLASSES, (num_gallery,), generator=generator)
    before = _peak()
    ours, *our_times = _timed(lambda: knn_predict(gallery, labels, queries, k).numpy())
    peak = _peak() - before
    lines = [
        f'{num_gallery} x {num_queries} features of {width}, k = {k}, {threads} threads, torch {torch.__version__}'
    ]
    lines += [
        f'mmskelssl: {our_times[0]:.2f} s, CPU {our_times[1]:.2f} s, {peak:.0f} MiB of memory',
    ]
    times = []
    with threadpool_limits(threads):
        for jobs in (None, threads):
            model = KNeighborsClassifier(k, metric='cosine', algorithm='brute', n_jobs=jobs)
            model.fit(gallery.numpy(), labels.numpy())
            theirs, *their_times = _timed(lambda: model.predict(queries.numpy()))  # noqa: B023
            times.append(their_times)
            lines.append(f'scikit-learn, n_jobs={jobs}: {their_times[0]:.2f} s, CPU {their_times[1]:.2f} s')
            lines.append(f'predictions that differ: {(theirs != ours).sum()} of {num_queries}')
    wall, cpu = (min(column) / own for column, own in zip(zip(*times, strict=True), our_times, strict=True))
    return '\n'.join([*lines, f'scikit-learn / mmskelssl: {wall:.1f} x the time, {cpu:.1f} x the CPU time'])


def _timed(function) -> tuple[object, float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    return function(), time.perf_counter() - wall, time.process_time() - cpu


def _peak() -> float:
    """Highest memory of the process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == '__main__':
    sys.exit(main())
