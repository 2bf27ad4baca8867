"""What both forms of a report say in words and numbers."""

from __future__ import annotations

from dataclasses import dataclass

from mmskelssl.evaluation.results import EvaluationReport, ProtocolResult, fast_form, marks
from mmskelssl.evaluation.zoo import paper_result

_RATE = 'top1_lr'


@dataclass(frozen=True)
class ProtocolRow:
    """One result as a row of text.

    Args:
        protocol: Name of the protocol.
        modality: Of the encoder; before it, what a reference is, and behind it the seed or fold of one of several.
        top1: Mean ± deviation.
        signs: Behind it, where it lies below what it has to beat, such as ``↓raw``.
        meanings: A sentence for each sign.
        others: The other metrics, likewise.
        runs: How many seeds or draws the deviation is over.
        paper: The paper's top-1 accuracy and its place there; empty if there is none.
        remarks: What has to be known of the number.
        card: Name to value of everything it depends on.
        is_reference: Whether it is what others have to beat.
        is_seed: Whether it is one of several seeds of pre-training, or folds, whose mean stands before them.
    """

    protocol: str
    modality: str
    top1: str
    signs: str
    meanings: list[str]
    others: str
    runs: int
    paper: str
    remarks: list[str]
    card: dict[str, str]
    is_reference: bool
    is_seed: bool

    @property
    def marked(self) -> str:
        """The number with its signs."""
        return f'{self.top1} {self.signs}'.strip()


def protocol_rows(report: EvaluationReport) -> list[ProtocolRow]:
    """The results in their order, each protocol's references behind them."""
    protocols = dict.fromkeys(result.protocol for result in report.results)
    places = {(other.protocol, _place(other, list(protocols))) for other in report.references}
    rows = []
    for protocol in protocols:
        for result in report.results:
            if result.protocol == protocol:
                rows.append(_row(report, result))
                rows += [_row(report, member) for member in report.members if _is_seed_of(result, member)]
        rows += [_row(report, other) for other in report.references if (other.protocol, protocol) in places]
    return rows


def _place(reference: ProtocolResult, protocols: list[str]) -> str:
    """The protocol that a reference stands behind: its own, that of its fast form, one of its family, or the last."""
    name = reference.protocol
    candidates = [
        *(protocol for protocol in protocols if protocol == name),
        *(protocol for protocol in protocols if fast_form(protocol) == name),
        *(protocol for protocol in protocols if name.startswith(protocol)),
    ]
    return next(iter(candidates), protocols[-1])


def headline(report: EvaluationReport) -> dict[str, str]:
    """Facts on the whole report, those that are known."""
    data = report.data
    facts = {
        'Method': report.method,
        'Data': f'{data.dataset}: {data.train_split} → {data.test_split}',
        'Checkpoint': report.checkpoint,
        'Epoch': '' if report.epoch is None else str(report.epoch),
        'Config': report.config,
        'Seeds of pre-training': ', '.join(_of_members(report, 'pretraining_seeds')),
        'Folds': ', '.join(_of_members(report, 'folds')),
        'Pre-training': ', '.join(_costs(report.cost)),
        'Made': report.created,
        'Machine': report.machine,
        'Command': report.command,
    }
    return {name: value for name, value in facts.items() if value}


def _of_members(report: EvaluationReport, field: str) -> list[str]:
    return list(dict.fromkeys(str(one) for result in report.members for one in getattr(result.card, field)))


def _costs(cost: dict[str, float]) -> list[str]:
    said = {
        'epochs': '{:,.0f} epochs',
        'clips': '{:,.0f} clips',
        'minutes': '{:.3g} minutes of training steps',
        'parameters': '{:,.0f} parameters of the evaluated backbones',
    }
    return [text.format(cost[name]) for name, text in said.items() if name in cost]


def per_class(report: EvaluationReport, result: ProtocolResult) -> list[tuple[str, float]]:
    """Class and accuracy in percent, best first; classes without test clips are left out."""
    every = zip(report.data.classes, result.per_class_accuracy, strict=True)
    known = [(name, accuracy) for name, accuracy in every if accuracy is not None]
    return sorted(known, key=lambda pair: (-pair[1], pair[0]))


def confusions(report: EvaluationReport, result: ProtocolResult) -> list[tuple[str, str, float]]:
    """True class, predicted class, and percent of the true class's clips, of every confusion; the worst first."""
    found = []
    for true, row in enumerate(result.confusion):
        found += [
            (report.data.classes[true], report.data.classes[predicted], 100 * count / sum(row))
            for predicted, count in enumerate(row)
            if count and predicted != true
        ]
    return sorted(found, key=lambda confusion: (-confusion[2], *confusion[:2]))


def _row(report: EvaluationReport, result: ProtocolResult) -> ProtocolRow:
    metrics = {name: str(statistic) for name, statistic in result.metrics.items()}
    top1 = metrics.pop('top1')
    rates = {name: metrics.pop(name) for name in list(metrics) if name.startswith(_RATE)}
    is_reference, is_seed = result in report.references, result in report.members
    found = [] if is_reference else marks(report, result)
    tested_on = (report.data.dataset, report.data.test_split)
    paper = paper_result(report.config, result.protocol, result.modality, *tested_on)
    card = {name: _text(value) for name, value in vars(result.card).items() if value not in (None, '', [], {})}
    return ProtocolRow(
        protocol=result.protocol,
        modality=_modality(result) if is_reference else _with_seed(result) if is_seed else result.modality,
        top1=top1,
        signs=' '.join(mark.sign for mark in found),
        meanings=[mark.sentence for mark in found],
        others=', '.join(f'{name} {value}' for name, value in metrics.items()),
        runs=len(result.metrics['top1'].values),
        paper=f'{paper[0]:.1f} ({paper[1]})' if paper else '',
        remarks=[*_other_rates(rates), *result.remarks],
        card=card,
        is_reference=is_reference,
        is_seed=is_seed,
    )


def _is_seed_of(result: ProtocolResult, member: ProtocolResult) -> bool:
    return (member.protocol, member.modality) == (result.protocol, result.modality)


def _with_seed(member: ProtocolResult) -> str:
    which = [*(f'seed {seed}' for seed in member.card.pretraining_seeds), *member.card.folds]
    return ', '.join([member.modality, *which])


def _modality(reference: ProtocolResult) -> str:
    # Coordinates are always those of the joints.
    is_raw = reference.card.method.startswith('raw')
    return reference.card.method if is_raw else f'{reference.card.method}: {reference.modality}'


def _other_rates(rates: dict[str, str]) -> list[str]:
    text = ', '.join(f'{name.removeprefix(_RATE)}: {value}' for name, value in rates.items())
    return [f'Other learning rates, not chosen from: {text}.'] if rates else []


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ', '.join(f'{name} {_text(item)}' for name, item in value.items())
    if isinstance(value, (list, tuple)):
        return ', '.join(map(_text, value))
    return str(value)
