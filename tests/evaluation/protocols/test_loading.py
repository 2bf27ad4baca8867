import re
from pathlib import Path

import pytest

from mmskelssl.evaluation.protocols import (
    Ensemble,
    FeatureProbe,
    LogisticProbe,
    NearestNeighbours,
    TrainedClassifier,
    load_protocol,
)
from mmskelssl.utils.config import ConfigError

from ..conftest import PROTOCOLS

ENSEMBLES = ('2s', '3s')
NAMES = sorted({path.stem for path in PROTOCOLS.glob('*.py')} - set(ENSEMBLES))


@pytest.mark.parametrize('name', NAMES)
def test_every_shipped_protocol_builds(name):
    protocol = load_protocol(name)
    assert protocol.name == name
    family = re.match('[a-z]+', name)[0]
    kind = dict(knn=NearestNeighbours, logistic=LogisticProbe).get(family, TrainedClassifier)
    kind = FeatureProbe if name.endswith('-fast') else kind
    assert type(protocol) is kind
    if name.startswith('semi'):
        percent, _, balanced = name.removeprefix('semi').partition('-')
        assert (protocol.percent, protocol.balanced) == (int(percent), balanced == 'balanced')
        assert {path.name.split('_')[0] for path in Path(protocol.draws).glob('*.txt.gz')} >= {'ntu60', 'ntu120', 'nw'}


@pytest.mark.parametrize('ensemble', ENSEMBLES)
@pytest.mark.parametrize('member', ['linear', 'semi10-balanced', 'linear-mmcv-fast'])
def test_every_protocol_has_its_ensembles(member, ensemble):
    protocol = load_protocol(f'{member}-{ensemble}')
    assert type(protocol) is Ensemble and protocol.name == f'{member}-{ensemble}'
    assert protocol.member.name == member


def test_options_go_to_their_protocol():
    options = {'linear': {'optim_wrapper.optimizer.lr': 0.7}, 'linear-3s': {'protocol.weights': [1, 2, 3]}}
    protocol = load_protocol('linear-3s', options)
    assert protocol.weights == [1, 2, 3] and protocol.member.cfg.optim_wrapper.optimizer.lr == 0.7


@pytest.mark.parametrize('options', [{'k': 20}, {'optimizer.lr': 3}])
def test_a_section_that_no_protocol_has_is_refused(options):
    with pytest.raises(ConfigError, match=r"knn.py has no section '(k|optimizer)', but protocol\.$"):
        load_protocol('knn', {'knn': options})


def test_a_protocol_of_ones_own(tmp_path):
    path = tmp_path / 'near.py'
    path.write_text("protocol = dict(type='NearestNeighbours', k=7)")
    protocol = load_protocol(str(path))
    assert (protocol.name, protocol.k) == ('near', 7)
    path.write_text('k = 7')
    with pytest.raises(ConfigError, match='near.py is not a protocol'):
        load_protocol(str(path))


def test_an_ensemble_needs_a_member():
    with pytest.raises(ConfigError, match="'3s' fuses a protocol's scores: write PROTOCOL-3s, such as linear-3s"):
        load_protocol('3s')
    with pytest.raises(ConfigError, match="There is no protocol 'nothing'"):
        load_protocol('nothing-3s')
