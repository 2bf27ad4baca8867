from mmskelssl.evaluation.results.card import ProtocolCard
from mmskelssl.evaluation.results.report import (
    REPORT_FILE,
    DataDescription,
    EvaluationReport,
    load_report,
    save_report,
)
from mmskelssl.evaluation.results.result import ProtocolResult, Statistic

__all__ = [
    'REPORT_FILE',
    'DataDescription',
    'EvaluationReport',
    'ProtocolCard',
    'ProtocolResult',
    'Statistic',
    'load_report',
    'save_report',
]
