from mmskelssl.evaluation.report.card import ProtocolCard
from mmskelssl.evaluation.report.report import (
    REPORT_FILE,
    DataDescription,
    EvaluationReport,
    load_report,
    save_report,
)
from mmskelssl.evaluation.report.result import ProtocolResult, Statistic

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
