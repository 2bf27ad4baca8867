import pytest
import torch
import torch.nn.functional as F

from mmskelssl.models.heads import LinearHead, MLPHead
from mmskelssl.utils.errors import ConfigError


def feature(number=16, width=6):
    return 3 + 2 * torch.randn(number, width, generator=torch.Generator().manual_seed(number))


def test_a_linear_head_may_normalize_by_the_batch_with_nothing_learned():
    head, x = LinearHead(4, 6, norm=True), feature()
    assert {name for name, _ in head.named_parameters()} == {'fc.weight', 'fc.bias'}
    expected = F.linear((x - x.mean(0)) / (x.var(0, unbiased=False) + 1e-6).sqrt(), head.fc.weight, head.fc.bias)
    torch.testing.assert_close(head(x), expected)
    for _ in range(200):
        head(x)
    expected = F.linear((x - x.mean(0)) / (x.var(0) + 1e-6).sqrt(), head.fc.weight, head.fc.bias)
    torch.testing.assert_close(head.eval()(x), expected, rtol=1e-4, atol=1e-5)
    assert {*LinearHead(4, 6).state_dict()} == {'fc.weight', 'fc.bias'}


def test_mlp_head_by_hand():
    head, x = MLPHead(4, 6, hidden_channels=9), feature()
    hidden = F.linear(x, head.hidden.weight, head.hidden.bias)
    normal = (hidden - hidden.mean(0)) / (hidden.var(0, unbiased=False) + 1e-5).sqrt()
    torch.testing.assert_close(head(x), F.linear(normal.clamp(min=0), head.fc.weight, head.fc.bias))
    assert head.fc.weight.std() < 0.02 and not head.fc.bias.any()


@pytest.mark.parametrize('head', [LinearHead(4, 6, norm=True), MLPHead(4, 6, 5)])
def test_a_batch_of_one_clip_trains(head):
    head.train()(feature())
    before = {name: value.clone() for name, value in head.state_dict().items()}
    one = feature(1)
    got = head(one)
    assert all(torch.equal(value, before[name]) for name, value in head.state_dict().items())
    torch.testing.assert_close(got, head.eval()(one))


@pytest.mark.parametrize('make', [LinearHead, MLPHead])
def test_smoothed_labels_share_with_all_classes(make):
    head, x, labels = make(4, 6, label_smoothing=0.2).eval(), feature(), torch.arange(16) % 4
    log = head(x).log_softmax(1)
    target = 0.8 * F.one_hot(labels, 4) + 0.05
    torch.testing.assert_close(head.loss(x, labels)['loss'], -(target * log).sum(1).mean())


@pytest.mark.parametrize('options', [dict(label_smoothing=1.0), dict(label_smoothing=-0.1), dict(num_classes=1)])
def test_values_out_of_range_are_refused(options):
    with pytest.raises(ConfigError, match=next(iter(options))):
        MLPHead(**(dict(num_classes=4, in_channels=6) | options))


@pytest.mark.shared
def test_official_heads(shared):
    golden = torch.load(shared / 'golden' / 'mamp.pt', torch.get_default_device(), weights_only=True)
    feature = golden['features_eval']
    weights = golden['linear_head']
    head = LinearHead(*weights['fc.weight'].shape)
    head.load_state_dict(weights)
    torch.testing.assert_close(head(feature['mean']), feature['linear_logits'], rtol=1e-5, atol=1e-5)
    names = {'fc1': 'hidden', 'bn': 'norm', 'fc2': 'fc'}
    weights = {f'{names[key.split(".")[0]]}.{key.split(".")[1]}': w for key, w in golden['finetune_head'].items()}
    head = MLPHead(len(weights['fc.bias']), weights['hidden.weight'].shape[1], len(weights['hidden.bias']))
    head.load_state_dict(weights)
    joints = feature['tokens'].mean((1, 2)).flatten(1)
    torch.testing.assert_close(head.eval()(joints), feature['finetune_logits'], rtol=1e-5, atol=1e-5)
