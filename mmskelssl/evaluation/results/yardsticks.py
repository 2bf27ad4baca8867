"""Which results lie below what they have to beat."""

from __future__ import annotations

from dataclasses import dataclass

from mmskelssl.evaluation.results.report import EvaluationReport
from mmskelssl.evaluation.results.result import ProtocolResult

_MEANING = {
    'raw coordinates': 'without an encoder, coordinates tell the classes better',
    'random encoder': 'without training, the encoder tells the classes better',
}
_SIGNS = {'raw coordinates': '↓raw', 'random encoder': '↓random'}


@dataclass(frozen=True)
class Mark:
    """Stands beside a number that is not what it seems.

    Args:
        sign: Behind the number, such as ``↓raw``.
        sentence: What it means.
    """

    sign: str
    sentence: str


def marks(report: EvaluationReport, result: ProtocolResult) -> list[Mark]:
    """The marks of a result: below raw coordinates, below the random encoder, below a member of its ensemble."""
    found = [_below(kind, result, _rivals(report, kind, result)) for kind in _MEANING]
    return [mark for mark in (*found, _below_member(report, result)) if mark is not None]


def _below(kind: str, result: ProtocolResult, rivals: list[ProtocolResult]) -> Mark | None:
    best = max(rivals, key=_top1, default=None)
    if best is None or _top1(result) >= _top1(best):
        return None
    best_of = f'{best.card.method}: {best.protocol} {best.metrics["top1"]}'
    return Mark(_SIGNS[kind], f'{_SIGNS[kind]}: below {kind} ({best_of}); {_MEANING[kind]}.')


def _rivals(report: EvaluationReport, kind: str, result: ProtocolResult) -> list[ProtocolResult]:
    """Results of a kind of reference by the same protocol; of an ensemble those of its members as well."""
    member = _member_protocol(result)
    protocols = {name for known in (result.protocol, member) for name in (known, fast_form(known))}
    return [
        other
        for other in report.references
        if other.card.method.startswith(kind)
        and other.card.folds == result.card.folds  # one fold may be harder than all together
        and other.protocol in protocols
        and (kind == 'raw coordinates' or set(other.modality.split('+')) <= set(result.modality.split('+')))
    ]


def fast_form(protocol: str) -> str:
    """The name of the protocol by which references of a linear one are measured; other protocols are their own."""
    name, ensemble = (protocol[:-3], protocol[-3:]) if protocol.endswith(('-2s', '-3s')) else (protocol, '')
    return f'{name}-fast{ensemble}' if name.startswith('linear') and not name.endswith('-fast') else protocol


def _below_member(report: EvaluationReport, result: ProtocolResult) -> Mark | None:
    modalities = result.modality.split('+')
    members = [
        other
        for other in (*report.results, *report.members)
        if other.protocol == _member_protocol(result)
        and other.modality in modalities
        and other.card.pretraining_seeds == result.card.pretraining_seeds
        and other.card.folds == result.card.folds
    ]
    best = max(members, key=_top1, default=None)
    if len(modalities) == 1 or best is None or _top1(result) >= _top1(best):
        return None
    text = (
        f'↓member: below its member {best.modality} ({best.metrics["top1"]}); fusing with these weights loses accuracy.'
    )
    return Mark('↓member', text)


def _member_protocol(result: ProtocolResult) -> str:
    return result.protocol.rpartition('-')[0] if '+' in result.modality else result.protocol


def _top1(result: ProtocolResult) -> float:
    return result.metrics['top1'].mean
