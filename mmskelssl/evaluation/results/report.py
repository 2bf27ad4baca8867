"""All results of one checkpoint in one file.

``report.json`` is an object with these keys:

- ``format``: ``mmskelssl.evaluation_report``; ``version``: 1.
- ``checkpoint``: path; ``config``: name of the config of pre-training, without its folder, '' if unknown;
  ``method``: such as ``CMD``; ``epoch``: of pre-training, or null.
- ``data``: an object with ``dataset``, ``store`` (path of the clip store), ``normalize`` (list of transforms),
  ``train_split``, ``test_split`` (names in the store), ``layout`` (as in ``meta.json`` of a store) and ``classes``.
- ``created``: ISO 8601; ``command``; ``machine``.
- ``cost``: of pre-training, those that are known of ``epochs``, ``clips``, ``minutes`` (of training steps) and
  ``parameters`` (of the evaluated backbones).
- ``curves``: name (``loss``, ``knn/joint_top1``) to ``[[epoch, value], ...]`` over pre-training; empty if no log lay
  beside the checkpoint.
- ``references``: what the results have to beat, a list of objects like those of ``results`` whose ``card.method`` says
  which it is (``raw coordinates``, ``random encoder``); their ``files`` are not beside the report.
- ``members``: where ``results`` are over several seeds of pre-training, or over several folds, the results of each,
  likewise; which one it is stands in ``card.pretraining_seeds`` or ``card.folds``.
- ``results``: a list of objects as of :class:`ProtocolResult`: ``protocol``, ``modality``, ``metrics`` (name to
  ``{mean, std, values}``, in percent), ``card`` (:class:`ProtocolCard`), ``per_class_accuracy``, ``confusion``,
  ``seconds``, ``remarks``, ``files``.

Paths in ``files`` are relative to the report's folder.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmskelssl.evaluation.results.result import ProtocolResult
from mmskelssl.utils.errors import ReportError
from mmskelssl.utils.files import written_beside

FORMAT = 'mmskelssl.evaluation_report'
VERSION = 1
REPORT_FILE = 'report.json'
_LISTS = ('results', 'references', 'members')


@dataclass(frozen=True)
class DataDescription:
    """The data that was evaluated on; enough to open a test clip by its name and to draw it.

    Args:
        dataset: Name of the data set.
        store: Path of the clip store.
        train_split: Name of a split of the store.
        test_split: Name of a split of the store.
        layout: ``SkeletonLayout.to_dict()``.
        classes: Names, in the order of the labels.
        normalize: Normalizations of the clips.
    """

    dataset: str
    store: str
    train_split: str
    test_split: str
    layout: dict
    classes: list[str]
    normalize: list[dict] = field(default_factory=list)


@dataclass(frozen=True)
class EvaluationReport:
    """Results of one checkpoint, or over several seeds; the module says what each entry is."""

    checkpoint: str
    method: str
    data: DataDescription
    results: list[ProtocolResult]
    references: list[ProtocolResult] = field(default_factory=list)
    members: list[ProtocolResult] = field(default_factory=list)
    config: str = ''
    epoch: int | None = None
    cost: dict[str, float] = field(default_factory=dict)
    curves: dict[str, list[list[float]]] = field(default_factory=dict)
    created: str = ''
    command: str = ''
    machine: str = ''

    def result(self, protocol: str, modality: str) -> ProtocolResult | None:
        """The result of a protocol on a modality, if there is one."""
        found = (r for r in self.results if (r.protocol, r.modality) == (protocol, modality))
        return next(found, None)


def save_report(report: EvaluationReport, path: str | os.PathLike) -> None:
    """Writes ``report.json``, whole or not at all.

    Args:
        report: What to write.
        path: The file.
    """
    lists = {name: [result.to_dict() for result in getattr(report, name)] for name in _LISTS}
    content = dict(format=FORMAT, version=VERSION, **{**vars(report), 'data': vars(report.data), **lists})
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    with written_beside(path) as beside:
        beside.write_text(text + '\n', encoding='utf-8')


def load_report(path: str | os.PathLike) -> EvaluationReport:
    """Reads a report.

    Args:
        path: ``report.json``, or the folder that holds it.

    Raises:
        ReportError: If it is missing, damaged, not a report, or of another version.
    """
    path = Path(path)
    path = path / REPORT_FILE if path.is_dir() else path
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
    except OSError as error:
        raise ReportError(
            f'No report at {path} ({error.strerror}): check the path, or make one with tools/evaluate.py.'
        ) from error
    except ValueError as error:
        raise ReportError(
            f'{path} is damaged, or not a {REPORT_FILE} of tools/evaluate.py: run that again. ({error})'
        ) from error
    if not isinstance(content, dict) or content.pop('format', None) != FORMAT:
        raise ReportError(f'{path} is not an evaluation report: give one that tools/evaluate.py has written.')
    if (version := content.pop('version', None)) != VERSION:
        raise ReportError(
            f'{path} was written in version {version} of the report, this program reads version {VERSION}: run '
            'tools/evaluate.py again.'
        )
    try:
        data = DataDescription(**content.pop('data'))
        lists: dict[str, Any] = {
            name: [ProtocolResult.from_dict(result) for result in content.pop(name)] for name in _LISTS
        }
        return EvaluationReport(data=data, **lists, **content)
    except (KeyError, TypeError) as error:
        raise ReportError(f'{path} is damaged: run tools/evaluate.py again. ({error})') from error
