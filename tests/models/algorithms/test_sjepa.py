"""S-JEPA's loss by its words: no program is published."""

import pytest
import torch
from workshop import takes_views

from mmskelssl.models.losses import distribution_error
from mmskelssl.models.masking import hidden
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import ConfigError


def make(**options):
    config = dict(
        type='SJEPA',
        backbone=dict(type='SkeletonTransformer', num_frames=16, width=8, num_layers=2, num_heads=2),
        decoder=dict(type='TokenDecoder', width=4, num_layers=1, num_heads=2),
        layout='kinect20',
        num_persons=1,
    )
    return takes_views(MODELS.build(config | options))


@pytest.fixture
def view():
    return torch.randn(4, 1, 16, 20, 3)


def test_loss_by_hand(view):
    model, uniform, persons = make(student_temperature=0.2, teacher_temperature=0.05), torch.rand(4, 1, 80), view[:, 0]
    model.center_joint.normal_()
    teacher, student, decoder = model.encoder_k['joint'].backbone, model.backbone('joint'), model.decoder['joint']
    tokens = teacher.encode(teacher.embed(persons))
    probability = ((tokens - model.center_joint) / 0.05).softmax(-1)
    kept = model.choose(persons, uniform[:, 0], 4)
    visible = student.encode(student.embed(persons)[torch.arange(4)[:, None], kept], kept)
    log = (decoder(visible, kept) / 0.2).log_softmax(-1)
    expected = -(probability * log).sum(-1)[hidden(kept, 80)].mean()
    torch.testing.assert_close(model.loss([view], uniform=uniform)['loss_joint'], expected)


def test_the_centre_follows_the_mean_of_all_tokens_of_an_update(view):
    model = make(center_momentum=0.8)
    batches, tokens = [], []
    for part in view.split(2):
        model([part], mode='loss')
        batches.append(dict(model.to_enqueue()))
        teacher = model.encoder_k['joint'].backbone
        tokens.append(teacher.encode(teacher.embed(part[:, 0])))
    assert not model.center_joint.any()
    model.after_update(batches)
    torch.testing.assert_close(model.center_joint, 0.2 * torch.cat(tokens).mean((0, 1)))
    assert 'center_joint' in model.state_dict()


def test_the_error_is_least_where_both_say_the_same():
    target = torch.randn(3, 5, 8).softmax(-1)
    best = distribution_error(0.1 * target.log(), target, temperature=0.1)
    entropy = -(target * target.log()).sum(-1)
    torch.testing.assert_close(best, entropy)
    assert (distribution_error(torch.randn(3, 5, 8), target, 0.1) > best).all()


@pytest.mark.parametrize(
    'options', [dict(student_temperature=0), dict(teacher_temperature=-1), dict(center_momentum=1)]
)
def test_settings_that_cannot_be_are_refused(options):
    with pytest.raises(ConfigError, match=next(iter(options))):
        make(**options)
