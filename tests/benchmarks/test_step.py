import re
import sys

import pytest
import torch
from common import TrainingStep
from step import count_flops, seconds_by_part

TOKENS = dict(type='SkeletonTransformer', num_frames=8, width=8, num_layers=1, num_heads=2)


@pytest.mark.parametrize('method', ['CMD', 'I2MD', 'BarlowTwins', 'MAMP', 'SkeletonClassifier'])
def test_every_family_is_measured_by_part(benchmark, config, tmp_path, method):
    config(method).dump(tmp_path / 'config.py')
    status, out, error = benchmark('step', tmp_path / 'config.py', '--repeats', 2, '--device', 'cpu')
    assert (status, error) == (0, '')
    shares = {m[1]: float(m[2]) for m in re.finditer(r'^(\S.*?)  +[\d., ]+ ([\d.]+)%$', out, re.MULTILINE)}
    assert shares.pop('step') > 0 and shares.pop('all parts') == 100 and abs(sum(shares.values()) - 100) < 15
    assert {'views', 'modules', 'losses', 'backward: losses', 'backward: modules'} <= shares.keys()
    assert ('modules without gradient' in shares) == (method in ('CMD', 'I2MD'))
    assert 'floor: ' in out and re.search(r'activations, per clip: [\d.]+ MiB', out)


def test_a_step_is_that_of_a_run(config):
    """The momentum encoders move, the encoders learn, the keys enter the bank, with the clock or without."""
    torch.manual_seed(0)
    step = TrainingStep(config('CMD', momentum=0.5), 'cpu')
    before = {name: value.clone() for name, value in step.model.state_dict().items()}
    seconds = seconds_by_part(step, step.random_batch(4), torch.device('cpu'))
    step(step.random_batch(4))
    after = step.model.state_dict()
    assert step.model.epoch == 4 and int(after['bank.pointer']) == 8 and all(s > 0 for s in seconds.values())
    changed = {name.split('.')[0] for name, value in after.items() if not torch.equal(value, before[name])}
    assert changed == {'encoder', 'encoder_k', 'bank'}
    assert not torch.nn.modules.module._global_forward_hooks and step.optim_wrapper.backward.__self__


def test_floor_counts_products(config):
    """A frozen encoder, 3 layers of 2 GRUs of width 4, on 8 frames; head 8 x 3, forward and its weight's gradient."""
    gates, inputs = 3 * 4, [2 * 3 * 25, 8, 8]
    encoder = 8 * 2 * sum(gates * (width + 4) for width in inputs)
    assert count_flops(config('SkeletonClassifier', frozen=True)) == 2 * (encoder + 2 * 8 * 3)


def test_a_peer_that_does_not_fit_is_refused(benchmark, config, tmp_path):
    config('BarlowTwins').dump(tmp_path / 'config.py')
    status, _, error = benchmark('step', tmp_path / 'config.py', '--peer', tmp_path, '--device', 'cpu')
    assert status == 1 and '--peer takes a config of CMD or MAMP, not of BarlowTwins' in error


def test_a_peer_of_another_size_is_refused(benchmark, config, tmp_path):
    for method, options, text in (
        ('CMD', dict(layout='kinect20'), '--peer takes a config of CMD with a BiGRU on 25 joints'),
        ('MAMP', dict(target='joint'), '--peer takes a config of MAMP that predicts motion'),
    ):
        config(method, **options).dump(tmp_path / 'config.py')
        status, _, error = benchmark('step', tmp_path / 'config.py', '--peer', tmp_path, '--device', 'cpu')
        assert status == 1 and text in error


def test_clips_of_one_person_cost_what_they_show(config):
    """Where absent persons are skipped, a clip of one person has half of the operations of one of two."""
    backbone = dict(TOKENS, absent_persons='skip')
    two, one, mixed = (count_flops(config('MAMP', backbone=backbone), share) for share in (0, 1, 0.25))
    assert one == two / 2 and mixed == 0.25 * one + 0.75 * two
    persons = TrainingStep(config('MAMP'), 'cpu').random_batch(10, 0.3)['inputs']['clips'].num_persons
    assert persons.tolist() == [1] * 3 + [2] * 7


OFFICIAL_MAMP = """
import torch
class Transformer(torch.nn.Module):
    def __init__(self, **sizes):
        super().__init__()
        assert sizes == dict(
            dim_feat=8, decoder_dim_feat=8, depth=1, decoder_depth=1, num_heads=2, num_frames=8, num_joints=25,
            t_patch_size=4, norm_skes_loss=True,
        )
        self.fc = torch.nn.Linear(25, 1)
    def forward(self, x, **options):
        assert options == dict(mask_ratio=0.9, motion_stride=1, motion_aware_tau=0.8)
        assert x.shape == (4, 3, 8, 25, 2)
        return self.fc(x.transpose(3, 4)).mean(), None, None
"""


def test_the_official_step_of_mamp_takes_turns(benchmark, config, tmp_path, monkeypatch):
    for name in ('model_mamp', 'model_mamp.transformer'):
        monkeypatch.setitem(sys.modules, name, None)  # removed again after the test
        del sys.modules[name]
    (tmp_path / 'model_mamp').mkdir()
    (tmp_path / 'model_mamp' / 'transformer.py').write_text(OFFICIAL_MAMP)
    config('MAMP', mask_ratio=0.9, mask_temperature=0.8).dump(tmp_path / 'config.py')
    options = ('--peer', tmp_path, '--device', 'cpu', '--one-person', '0.5')
    status, out, error = benchmark('step', tmp_path / 'config.py', *options)
    assert (status, error) == (0, '')
    assert re.search(r'ours, with its views, is [\d.]+ times as fast, round by round from', out)


PEER = """
import torch, torchvision
class MoCo(torch.nn.Module):
    def __init__(self, kind, sizes, dim, K, T, teacher_T, student_T, cmd_weight, topk, mlp):
        super().__init__()
        print('chatter')
        assert sizes == dict(en_input_size=150, en_hidden_size=4, en_num_layers=3, num_class=4)
        assert (dim, K, T, teacher_T, student_T, cmd_weight, topk) == (4, 16, 0.07, 0.05, 0.1, 1.0, 4)
        self.fc = torch.nn.Linear(150, 17)
    def forward(self, query, key):
        assert query.shape == key.shape == (4, 3, 8, 25, 2)
        logits = self.fc(query.permute(0, 2, 3, 1, 4).flatten(2).mean(1))
        return logits, logits, logits, torch.zeros(len(logits), dtype=torch.long).cuda(), logits.mean()
"""


def test_the_official_step_takes_turns(benchmark, config, tmp_path, monkeypatch):
    for name in ('moco', 'moco.builder_cmd'):
        monkeypatch.setitem(sys.modules, name, None)  # removed again after the test
        del sys.modules[name]
    (tmp_path / 'moco').mkdir()
    (tmp_path / 'moco' / 'builder_cmd.py').write_text(PEER)
    said = dict(temperature=0.07, teacher_temperature=0.05, student_temperature=0.1, distill_weight=1.0)
    config('CMD', layout='ntu25', num_persons=2, **said).dump(tmp_path / 'config.py')
    cuda, paths = torch.Tensor.cuda, list(sys.path)
    status, out, error = benchmark('step', tmp_path / 'config.py', '--peer', tmp_path, '--device', 'cpu')
    assert (status, error) == (0, '') and 'chatter' not in out
    assert re.search(r'ours, with its views, is [\d.]+ times as fast, round by round from', out)
    assert torch.Tensor.cuda is cuda and sys.path == paths
