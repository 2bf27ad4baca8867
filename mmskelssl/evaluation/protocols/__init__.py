from mmskelssl.evaluation.protocols.base import Measurement, Protocol
from mmskelssl.evaluation.protocols.ensemble import Ensemble
from mmskelssl.evaluation.protocols.feature_probe import FeatureProbe
from mmskelssl.evaluation.protocols.loading import load_protocol
from mmskelssl.evaluation.protocols.logistic import LogisticProbe
from mmskelssl.evaluation.protocols.neighbours import NearestNeighbours
from mmskelssl.evaluation.protocols.trained_classifier import TrainedClassifier

__all__ = [
    'Ensemble',
    'FeatureProbe',
    'LogisticProbe',
    'Measurement',
    'NearestNeighbours',
    'Protocol',
    'TrainedClassifier',
    'load_protocol',
]
