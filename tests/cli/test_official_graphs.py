"""Checkpoints of the programs on graph encoders: converted, they give the features on record."""

import pytest
from golden_contrast import assert_close, load, part, recordings, view
from official_programs import Program

from mmskelssl.cli.official_weights import METHODS, build_converted, convert_official
from mmskelssl.utils.errors import CheckpointError

# What the features on record are of.
VIEWS = dict(aimclr='query', hiclr='basic', isc='query', pstl='anchor', scd_net='query', skelemixclr='query')


def whole(method):
    return [
        pytest.param(method, *path.values, marks=path.marks, id=path.id)
        for path in recordings(method)
        if path.id != 'slice'
    ]


@pytest.mark.parametrize(('method', 'path'), [case for method in VIEWS for case in whole(method)])
def test_features_are_those_of_the_official_program(method, path):
    golden = load(path)
    if golden[VIEWS[method]].shape[3] != 25:
        with pytest.raises(CheckpointError, match='another layout'):
            convert_official(method, golden['official_state_dict'])
        return
    weights, config, remarks = convert_official(method, golden['official_state_dict'])
    assert [remark for remark in remarks if 'does not say its modality' not in remark] == []
    # The number of heads is not in the weights.
    config['backbone'] |= dict(num_heads=golden['config']['heads']) if 'heads' in golden['config'] else {}
    model = build_converted(weights, config, 'checkpoint').double().eval()
    features = model(view(golden[VIEWS[method]]))
    recorded = golden['features_eval']
    for stream, feature in features.items():
        assert_close(feature, recorded[stream] if isinstance(recorded, dict) else recorded)


@pytest.mark.parametrize(('method', 'path'), [case for method in VIEWS for case in whole(method)])
def test_other_methods_refuse_the_checkpoint(method, path):
    weights = load(path)['official_state_dict']
    for other in METHODS:
        if other != method:
            with pytest.raises(CheckpointError, match=f'not .*of {other}'):
                convert_official(other, weights)


def test_one_stream_is_aimclr_and_several_are_crossclr():

    assert convert_official('aimclr', Program('crossclr', ['joint']).checkpoint())[1]['type'] == 'AimCLR'
    with pytest.raises(CheckpointError, match='This is a checkpoint of crossclr, not of aimclr'):
        convert_official('aimclr', Program('crossclr').checkpoint())
    with pytest.raises(CheckpointError, match='This is a checkpoint of aimclr, not of crossclr'):
        convert_official('crossclr', Program('crossclr', ['joint']).checkpoint())


@pytest.mark.parametrize('path', [case.values[1] for case in whole('pstl')])
@pytest.mark.shared
def test_pstl_is_converted_without_its_projector(path):
    golden = load(path)
    weights = part(golden['official_state_dict'], 'encoder.')
    weights, config, (remark,) = convert_official('pstl', weights)
    assert config['neck'] is None and 'the encoder alone' in remark
    model = build_converted(weights, config, 'checkpoint').double().eval()
    assert_close(model(view(golden['anchor']))['joint'], golden['features_eval'])


def test_encoder_of_pstl_that_is_incomplete_is_refused():
    encoder = part(Program('crossclr', ['joint']).checkpoint(), 'encoder_q.')
    encoder = {name: value for name, value in encoder.items() if not name.startswith('fc.')}
    assert convert_official('pstl', encoder)[1]['type'] == 'PSTL'
    for missing, what in (('A', 'lacks A'), ('st_gcn_networks.9.tcn.0.weight', 'lacks')):
        with pytest.raises(CheckpointError, match=what):
            convert_official('pstl', {name: value for name, value in encoder.items() if name != missing})
