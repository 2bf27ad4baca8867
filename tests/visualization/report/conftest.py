from pathlib import Path

import numpy as np
import pytest

from mmskelssl.datasets.clip_store import ClipStore
from mmskelssl.evaluation.arrays import save_arrays
from mmskelssl.evaluation.results import (
    DataDescription,
    EvaluationReport,
    ProtocolCard,
    ProtocolResult,
    Statistic,
)

CLASSES = ['wave', 'sit </script>|', 'jump']
NUM_TRAIN, NUM_TEST = 9, 12


def card(**changes) -> ProtocolCard:
    known = dict(
        method='CMD', weights='a' * 64, modalities=['joint'], dataset='ntu60', train_split='b' * 64,
        test_split='c' * 64, num_frames=64, train_crop='TemporalCropResize', test_crop='CenterCropResize',
    )  # fmt: skip
    return ProtocolCard(**{**known, **changes})


@pytest.fixture
def report_folder(tmp_path) -> Path:
    """A store, features in which class c lies about axis c, and predictions of which some are wrong."""
    random = np.random.default_rng(0)
    labels = np.arange(NUM_TRAIN + NUM_TEST) % 3
    with ClipStore.create(tmp_path / 'store', 'kinect20', CLASSES) as store:
        for number, label in enumerate(labels):
            clip = random.normal(size=(1 + number % 2, 40 if number % 2 else 10, 20, 3)).cumsum(axis=1)
            store.add(f'clip {number}', label, clip)
        names = np.array(store.names)
        store.splits.update(xsub_train=range(NUM_TRAIN), xsub_test=range(NUM_TRAIN, NUM_TRAIN + NUM_TEST))
    features = (np.eye(8)[labels] + 0.1 * random.random((len(labels), 8))).astype(np.float16)
    for side, rows in dict(train=slice(0, NUM_TRAIN), test=slice(NUM_TRAIN, None)).items():
        save_arrays(tmp_path / f'{side}.npz', names=names[rows], labels=labels[rows], features=features[rows])
    return tmp_path


@pytest.fixture
def report(report_folder) -> EvaluationReport:
    """Linear over two runs, the second without an error, and KNN."""
    test = np.load(report_folder / 'test.npz')
    labels = test['labels']
    guesses = np.stack([labels, labels])
    guesses[0, :2] = 2  # of the classes 0 and 1
    save_arrays(
        report_folder / 'linear.npz', names=test['names'], labels=labels, scores=np.eye(3, dtype=np.float32)[guesses]
    )
    confusion = np.zeros((3, 3), int)
    np.add.at(confusion, (np.stack([labels, labels]), guesses), 1)
    features = dict(train_features='train.npz', test_features='test.npz')
    linear = ProtocolResult(
        protocol='linear',
        modality='joint',
        metrics={
            'top1': Statistic([1000 / 12, 100.0]),
            'top5': Statistic([100.0, 100.0]),
            'top1_lr0.1': Statistic([75.0, 75.0]),
        },
        card=card(trained='classifier', batch_size=64, schedule=dict(optimizer='SGD', lr=0.1), seeds=[0, 1]),
        per_class_accuracy=[87.5, 87.5, 100.0],
        confusion=confusion.tolist(),
        remarks=['a remark'],
        files=dict(features, predictions='linear.npz'),
    )
    knn = ProtocolResult(
        protocol='knn',
        modality='joint',
        metrics=dict(top1=Statistic([100.0])),
        card=card(k=1),
        per_class_accuracy=[100.0, None, 100.0],
        confusion=np.diag([4, 0, 4]).tolist(),
        files=features,
    )
    data = DataDescription(
        'ntu60', str(report_folder / 'store'), 'xsub_train', 'xsub_test', _layout(report_folder), CLASSES
    )
    return EvaluationReport(
        checkpoint='work_dirs/cmd/epoch_450.pth',
        method='CMD',
        data=data,
        results=[linear, knn],
        config='cmd_bigru_1xb256-500e_ntu60-xsub.py',
        epoch=450,
        curves={
            'loss': [[1, 2.5], [2, 2.0], [3, 1.75]],
            'loss_joint': [[1, 2.5], [2, 2.0], [3, 1.75]],
            'knn/joint_top1': [[1, 50.0], [3, 100.0]],
        },
    )


def _layout(folder: Path) -> dict:
    return ClipStore(folder / 'store').layout.to_dict()
