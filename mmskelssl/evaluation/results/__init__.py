from mmskelssl.evaluation.results.card import ProtocolCard
from mmskelssl.evaluation.results.report import (
    REPORT_FILE,
    DataDescription,
    EvaluationReport,
    load_report,
    save_report,
)
from mmskelssl.evaluation.results.result import ProtocolResult, Statistic
from mmskelssl.evaluation.results.yardsticks import Mark, fast_form, marks

__all__ = [
    'REPORT_FILE',
    'DataDescription',
    'EvaluationReport',
    'Mark',
    'ProtocolCard',
    'ProtocolResult',
    'Statistic',
    'fast_form',
    'load_report',
    'marks',
    'save_report',
]
