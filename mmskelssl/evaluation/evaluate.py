"""Several protocols on one model; an interrupted evaluation can be continued."""

from __future__ import annotations

import datetime
import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path

import torch

from mmskelssl.datasets.label_draws import names_digest
from mmskelssl.evaluation.cost import pretraining_cost
from mmskelssl.evaluation.pretrained_model import PretrainedModel
from mmskelssl.evaluation.processes import agreed, written_once
from mmskelssl.evaluation.protocols import Protocol
from mmskelssl.evaluation.references import Reference
from mmskelssl.evaluation.results import (
    REPORT_FILE,
    DataDescription,
    EvaluationReport,
    ProtocolCard,
    ProtocolResult,
    load_report,
    save_report,
)
from mmskelssl.evaluation.run_log import pretraining_curves
from mmskelssl.evaluation.workspace import Workspace
from mmskelssl.utils.errors import CheckpointError, ReportError
from mmskelssl.utils.files import written_beside

_AND_THEN = ' && '
REFERENCES_FOLDER = 'references'


def evaluate(
    model: PretrainedModel,
    protocols: Sequence[Protocol],
    root: Path,
    command: str = '',
    references: Sequence[Reference] = (),
    references_root: Path | None = None,
) -> EvaluationReport:
    """Runs protocols and writes ``report.json``, anew after each of them.

    Results that the folder holds already are kept, and stand in the report too if other commands made them; a protocol
    that was interrupted goes on where it was.

    Args:
        model: What is evaluated.
        protocols: In which order.
        root: Folder of everything that is written.
        command: For the report.
        references: What stands beside the results; those of earlier commands stay.
        references_root: Folder of theirs; by default ``references/``.

    Raises:
        ConfigError: If a protocol does not fit the model, before any of them runs.
        ReportError: If the folder holds results of other weights, data or settings, or cannot be written.
    """
    model.check()
    # An ensemble has a member of its own, which is the protocol of that name.
    ordered = list({step.name: step for protocol in protocols for step in _with_required(protocol)}.values())
    for protocol in ordered:
        protocol.check(model)
    workspace = Workspace(model, root)
    beside = references_root or root / REFERENCES_FOLDER
    steps = [(protocol, modalities) for protocol in ordered for modalities in protocol.groups(model)]
    commands = _AND_THEN.join(dict.fromkeys([*_earlier_commands(root), command]))
    written_once(lambda: _claim(workspace, steps))
    try:
        for protocol, modalities in steps:
            path = _folder(workspace, protocol, modalities) / 'result.json'
            if not agreed(path.exists()):
                result = protocol.run(workspace, modalities).to_dict()
                written_once(lambda: _write(path, result))  # noqa: B023
            report = agreed(describe(model, _results(root), commands, _reference_results(beside)))
            written_once(lambda: save_report(report, root / REPORT_FILE))  # noqa: B023
        for reference in references:
            evaluate(reference.model, reference.protocols, beside / reference.name)
        report = agreed(describe(model, _results(root), commands, _reference_results(beside)))
        written_once(lambda: save_report(report, root / REPORT_FILE))
    except OSError as error:
        raise ReportError(
            f'{root} cannot be written: {error.strerror or error}. What is finished is kept: free space there and run '
            'the same command again, or choose another --work-dir.'
        ) from error
    return report


def describe(
    model: PretrainedModel,
    results: Sequence[ProtocolResult],
    command: str = '',
    references: Sequence[ProtocolResult] = (),
) -> EvaluationReport:
    """The report of results."""
    test = model.test_clips
    return EvaluationReport(
        checkpoint=model.checkpoint,
        method=model.method,
        data=DataDescription(
            dataset=test.store.path.name,
            store=str(test.store.path.resolve()),
            train_split=model.train_set.get('split') or '',
            test_split=model.test_set.get('split') or '',
            layout=json.loads(json.dumps(test.layout.to_dict())),
            classes=list(test.store.classes),
            normalize=list(model.test_set.get('normalize') or ()),
        ),
        results=list(results),
        references=list(references),
        config=model.config,
        epoch=model.epoch,
        cost=pretraining_cost(model),
        curves=pretraining_curves(model.checkpoint),
        created=datetime.datetime.now().astimezone().isoformat(timespec='seconds'),
        command=command,
        machine=_machine(),
    )


def _with_required(protocol: Protocol) -> list[Protocol]:
    return [*(step for required in protocol.requires for step in _with_required(required)), protocol]


def _results(root: Path) -> list[ProtocolResult]:
    """All results in the folder, in the order in which they were measured."""
    paths = sorted(root.glob('*/*/result.json'), key=lambda path: path.stat().st_mtime_ns)
    return [ProtocolResult.from_dict(json.loads(path.read_text(encoding='utf-8'))) for path in paths]


def _reference_results(root: Path) -> list[ProtocolResult]:
    folders = sorted(root.glob('*/'))
    return [result for folder in folders for result in _results(folder)]


def _check_owner(workspace: Workspace) -> None:
    for result in _results(workspace.root):
        if not _is_of(workspace, result.card):
            raise ReportError(
                f'{workspace.root} holds {result.protocol} of {result.modality} with other weights or data: choose '
                'another --work-dir, or delete that folder.'
            )


def _is_of(workspace: Workspace, card: ProtocolCard) -> bool:
    model = workspace.model
    sides = names_digest(model.train_clips.names), names_digest(model.test_clips.names)
    if (card.train_split, card.test_split) != sides:
        return False
    try:
        return card.weights in ('random', ' '.join(map(workspace.weights, card.modalities)))
    except CheckpointError:  # no such modality
        return False


def _earlier_commands(root: Path) -> list[str]:
    try:
        return [command for command in load_report(root).command.split(_AND_THEN) if command]
    except ReportError:
        return []


def _folder(workspace: Workspace, protocol: Protocol, modalities: Sequence[str]) -> Path:
    return workspace.folder(protocol.name, '+'.join(modalities))


def _claim(workspace: Workspace, steps: Sequence[tuple[Protocol, Sequence[str]]]) -> None:
    """Writes the cards of what is to be measured, or refuses a folder that holds something else."""
    _check_owner(workspace)
    for protocol, modalities in steps:
        _claim_one(workspace, protocol, modalities)


def _claim_one(workspace: Workspace, protocol: Protocol, modalities: Sequence[str]) -> None:
    path = _folder(workspace, protocol, modalities) / 'card.json'
    card = protocol.card(workspace, modalities)
    # Nothing but a card is left of what failed before it measured anything.
    if path.exists() and any(other != path for other in path.parent.iterdir()):
        known = ProtocolCard(**json.loads(path.read_text(encoding='utf-8')))
        unlike = [name for name in known.differences(_as_read(card)) if name != 'versions']
        if unlike:
            raise ReportError(
                f'{path.parent} holds a measurement that differs in {", ".join(unlike)}: choose another --work-dir, or '
                'delete that folder to measure anew.'
            )
    _write(path, vars(card))


def _as_read(card: ProtocolCard) -> ProtocolCard:
    """The card as it is read from a file: with lists instead of tuples."""
    return ProtocolCard(**json.loads(json.dumps(vars(card))))


def _write(path: Path, content: dict) -> None:
    with written_beside(path) as beside:
        beside.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding='utf-8')


def _machine() -> str:
    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return f'{platform.machine()}, {os.cpu_count()} cores, {", ".join(gpus) or "no GPU"}'
