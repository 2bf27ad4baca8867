import pytest
import torch
from official_programs import MODALITIES, SUFFIX, Program

from mmskelssl.cli.official_weights import build_converted, convert_official
from mmskelssl.utils import CheckpointError

OURS = dict(q='encoder', k='encoder_k', p='encoder_p')
ROLES = dict(cmd=('q', 'k'), crossclr=('q', 'k'), mmcv_mutual=('q', 'k', 'p'))


@pytest.fixture
def clips():
    """Inputs (4, 3, 8, 25, 2) of a program."""
    return torch.randn(4, 3, 8, 25, 2)


def to_view(clips):
    return clips.permute(0, 4, 2, 3, 1).contiguous()


def converted(method, weights):
    ours, config, remarks = convert_official(method, weights)
    return build_converted(ours, config, 'checkpoint').eval(), remarks


@pytest.mark.parametrize('method', ROLES)
@pytest.mark.parametrize('modalities', [MODALITIES, ('joint', 'bone')])
def test_every_encoder_gives_the_programs_numbers(method, modalities, clips):
    program = Program(method, modalities).eval()
    model, remarks = converted(method, program.checkpoint())
    assert remarks == [] and list(model.streams) == list(modalities)
    for role in ROLES[method]:
        for a in modalities:
            official = getattr(program, f'encoder_{role}{SUFFIX[a]}')(clips)
            ours = getattr(model, OURS[role])[a](to_view(clips))['']
            torch.testing.assert_close(ours, official, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('method', ROLES)
def test_queues_and_pointer(method):
    program = Program(method, pointer=7)
    model, _ = converted(method, program.checkpoint())
    for a in MODALITIES:
        suffix = SUFFIX[a] + ('_k' if method == 'mmcv_mutual' else '')
        assert torch.equal(model.bank[a], getattr(program, f'queue{suffix}').T)
        if method == 'mmcv_mutual':
            assert torch.equal(model.bank[f'{a}_p'], getattr(program, f'queue{SUFFIX[a]}_p').T)
    assert int(model.bank.pointer) == 7


def test_nothing_is_left_of_our_own_initialization():
    for method in ROLES:
        weights = Program(method).checkpoint()
        first, second = (converted(method, weights)[0].state_dict() for _ in range(2))
        assert all(torch.equal(value, second[key]) for key, value in first.items())


def test_sizes_are_those_of_the_weights():
    sizes = dict(hidden=5, dim=7, num_layers=2, width=75)
    model, _ = converted('cmd', Program('cmd', ['joint'], queue_size=24, **sizes).checkpoint())
    backbone = model.encoder['joint'].backbone
    assert (backbone.out_channels, len(backbone.layers), backbone.input_norm.num_features) == (10, 2, 75)
    assert model.bank.size == 24 and model.bank.fields == {'joint': 7} and model.num_neighbors == 24
    model, _ = converted('crossclr', Program('crossclr', base=3, feature=10, dim=7).checkpoint())
    blocks = model.encoder['joint'].backbone.blocks
    assert [len(block.tcn[0].weight) for block in blocks] == [3] * 4 + [6] * 3 + [12] * 2 + [10]


def test_prefix_of_data_parallel_is_left_out():
    weights = Program('cmd').checkpoint()
    plain, _, _ = convert_official('cmd', weights)
    wrapped, _, _ = convert_official('cmd', {f'module.{key}': value for key, value in weights.items()})
    assert plain.keys() == wrapped.keys() and all(torch.equal(value, wrapped[key]) for key, value in plain.items())


def test_head_of_one_layer():
    program = Program('cmd', ['joint'])
    for encoder in (program.encoder_q, program.encoder_k):
        encoder.fc = encoder.fc[2]
    model, _ = converted('cmd', program.checkpoint())
    assert len(model.encoder['joint'].neck) == 1


@pytest.mark.parametrize('modalities', [MODALITIES, ('joint', 'motion')])
def test_shared_heads_of_crossclr(modalities, clips):
    program = Program('crossclr', modalities, share_heads=True).eval()
    model, (remark,) = converted('crossclr', program.checkpoint())
    for role in ('q', 'k'):
        for a in modalities:
            official = getattr(program, f'encoder_{role}{SUFFIX[a]}')(clips)
            ours = getattr(model, OURS[role])[a](to_view(clips))['']
            torch.testing.assert_close(ours, official, atol=1e-5, rtol=1e-5)
    assert [len(model.encoder[a].neck) for a in modalities] == [3] + [5] * (len(modalities) - 1)
    assert f'The heads of {list(modalities[1:])} wrap the joint head and share its layers' in remark
    assert 'training on moves them apart' in remark


def test_recipe_is_that_of_the_method():
    model, _ = converted('mmcv_mutual', Program('mmcv_mutual').checkpoint())
    assert model.momenta == dict(encoder_k=0.999, encoder_p=0.995)
    model, _ = converted('crossclr', Program('crossclr').checkpoint())
    assert (model.cross_epoch, model.topk, model.temperature) == (150, 1, 0.07)


# Checkpoints that are not what they are taken for.


@pytest.mark.parametrize('found', ROLES)
@pytest.mark.parametrize('method', ROLES)
def test_checkpoint_of_another_method_is_refused(found, method):
    if found != method:
        with pytest.raises(CheckpointError, match=f'checkpoint of {found}, not of {method}: convert it as {found}'):
            convert_official(method, Program(found).checkpoint())


def test_checkpoint_of_something_else_is_refused():
    with pytest.raises(CheckpointError, match=r"not a checkpoint of cmd: it has no encoder_q. It has \['weight'\]"):
        convert_official('cmd', {'weight': torch.zeros(1)})
    with pytest.raises(CheckpointError, match=r"not one that is known here. It has \['conv1.weight'\]"):
        convert_official('cmd', {'encoder_q.conv1.weight': torch.zeros(1)})


@pytest.mark.parametrize(
    ('method', 'missing', 'lacks'),
    [
        ('cmd', 'encoder_q.encoder.gru.weight_hh_l1_reverse', 'encoder.joint.backbone.layers.1.1.weight_hh_l0'),
        ('cmd', 'encoder_k_bone.fc.2.bias', 'encoder_k.bone.neck.2.bias'),
        ('crossclr', 'encoder_k.edge_importance.3', 'encoder_k.joint.backbone.blocks.3.edge_importance'),
    ],
)
def test_missing_key_is_named(method, missing, lacks):
    weights = Program(method).checkpoint()
    del weights[missing]
    with pytest.raises(CheckpointError, match=f'it lacks {lacks}'):
        converted(method, weights)


@pytest.mark.parametrize('kind', ['queue', 'queue_ptr'])
@pytest.mark.parametrize(('method', 'suffix'), [('cmd', ''), ('crossclr', '_motion'), ('mmcv_mutual', '_bone_p')])
def test_queue_or_pointer_that_is_missing_is_named(method, suffix, kind):
    weights = Program(method).checkpoint()
    del weights[kind + suffix]
    match = 'has no queues' if kind + suffix == 'queue' else r'has queues of \[.*\] but pointers of \['
    with pytest.raises(CheckpointError, match=match):
        convert_official(method, weights)


def test_modality_without_queue_is_named():
    weights = {
        key: value for key, value in Program('cmd').checkpoint().items() if key[:5] != 'queue' or 'bone' not in key
    }
    with pytest.raises(CheckpointError, match='it lacks bank.field_bone'):
        converted('cmd', weights)


@pytest.mark.parametrize('method', ROLES)
@pytest.mark.parametrize('missing', ['encoder_k_motion.', 'encoder_k.'])
def test_missing_momentum_encoder_is_named(method, missing):
    weights = {key: value for key, value in Program(method).checkpoint().items() if not key.startswith(missing)}
    with pytest.raises(CheckpointError, match=r'it lacks encoder_k\.'):
        converted(method, weights)


@pytest.mark.parametrize(
    ('method', 'needed'),
    [
        ('cmd', 'encoder_q.encoder.gru.weight_hh_l0'),
        ('cmd', 'encoder_q.input_norm.weight'),
        ('crossclr', 'encoder_q.A'),
        ('crossclr', 'encoder_k_bone.A'),
        ('crossclr', 'encoder_q.st_gcn_networks.0.tcn.0.weight'),
        ('crossclr', 'encoder_q.st_gcn_networks.9.tcn.0.weight'),
    ],
)
def test_missing_key_that_sizes_are_read_from_is_named(method, needed):
    weights = Program(method).checkpoint()
    del weights[needed]
    with pytest.raises(CheckpointError, match='The checkpoint is incomplete: an encoder lacks'):
        converted(method, weights)


@pytest.mark.parametrize(
    ('extra', 'says'),
    [
        ('encoder_q.encoder.lstm.weight', 'Unknown key encoder.lstm.weight in an encoder'),
        ('optimizer', 'Unknown key optimizer in the official checkpoint'),
        (
            'encoder_q.encoder.gru.weight_ih_l7',
            r'it lacks encoder(_k)?\.joint\.backbone\.layers|it has an extra encoder.joint',
        ),
        ('encoder_q.fc.5.weight', 'it lacks|it has an extra encoder.joint.neck.5.weight'),
    ],
)
def test_extra_key_is_named(extra, says):
    with pytest.raises(CheckpointError, match=says):
        converted('cmd', Program('cmd').checkpoint() | {extra: torch.zeros(12, 8)})


def test_other_joint_count_is_refused():
    with pytest.raises(
        CheckpointError, match='takes 120 input features, which is not a number of persons with 25 joints'
    ):
        convert_official('cmd', Program('cmd', width=120).checkpoint())
    with pytest.raises(CheckpointError, match='has 18 joints instead of 25: another layout'):
        convert_official('crossclr', Program('crossclr', num_joints=18).checkpoint())


@pytest.mark.parametrize('method', ROLES)
def test_checkpoint_without_queues_is_refused(method):
    weights = {key: value for key, value in Program(method).checkpoint().items() if not key.startswith('queue')}
    with pytest.raises(CheckpointError, match='has no queues: it is not a pre-training checkpoint'):
        convert_official(method, weights)


def test_queues_out_of_step_are_refused():
    weights = Program('cmd').checkpoint() | {'queue_ptr_bone': torch.tensor([6])}
    with pytest.raises(CheckpointError, match=r"out of step: pointers \{'joint': 5, 'motion': 5, 'bone': 6\}"):
        convert_official('cmd', weights)


def test_shapes_that_do_not_fit_are_named():
    weights = Program('cmd').checkpoint()
    weights['encoder_k.fc.0.weight'] = torch.zeros(9, 8)
    with pytest.raises(
        CheckpointError, match=r'its encoder_k.joint.neck.0.weight has shape \(9, 8\) instead of \(8, 8'
    ):
        converted('cmd', weights)
