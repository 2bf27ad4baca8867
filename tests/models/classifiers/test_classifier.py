import copy
import logging

import pytest
import torch
import torch.nn.functional as F
from mmengine.optim import OptimWrapper
from workshop import takes_views

from mmskelssl.models.classifiers import classifier
from mmskelssl.registry import MODELS
from mmskelssl.utils import CheckpointError

BACKBONE = dict(type='BiGRU', hidden_channels=8)


def make_classifier(**options):
    config = dict(type='SkeletonClassifier', backbone=BACKBONE, head=dict(type='LinearHead', num_classes=3))
    return takes_views(MODELS.build(config | dict(layout='kinect20', num_persons=1) | options))


@pytest.fixture
def view():
    return torch.randn(6, 1, 16, 20, 3)


@pytest.fixture
def batch(view):
    return dict(inputs=[view], data_samples=dict(labels=torch.tensor([0, 1, 2, 0, 1, 2]), index=torch.arange(6)))


@pytest.mark.parametrize('frozen', [True, False])
def test_a_frozen_random_backbone_is_warned_of(frozen, monkeypatch):
    logged = []
    monkeypatch.setattr(classifier, 'print_log', lambda *args: logged.append(args))
    make_classifier(frozen=frozen).init_weights()
    assert [(message.split(':')[0], level) for message, _, level in logged] == frozen * [
        ('The frozen backbone is random', logging.WARNING)
    ]


@pytest.fixture
def pretrained(tmp_path):
    """A pre-trained method, and its checkpoint."""
    method = MODELS.build(
        dict(
            type='SkeletonCLR',
            backbone=BACKBONE,
            neck=dict(type='ProjectionNeck'),
            modalities=['joint', 'motion'],
            layout='kinect20',
            num_persons=1,
            queue_size=8,
        )
    )
    for parameter in method.encoder_k.parameters():
        parameter.zero_()
    for encoder in method.encoder.values():
        encoder.backbone.input_norm.running_mean.normal_()
    torch.save(dict(state_dict=method.state_dict(), meta={}), tmp_path / 'pretrained.pth')
    return method, str(tmp_path / 'pretrained.pth')


def test_scores_and_loss_by_hand(view, batch):
    model = make_classifier(modality='bone').eval()
    parents = torch.tensor(model.layout.parents)
    feature = model.backbone(view - view[..., parents, :])
    scores = feature @ model.head.fc.weight.T + model.head.fc.bias
    torch.testing.assert_close(model(view, mode='tensor'), {'bone': feature})
    (prediction,) = model(**batch, mode='predict')
    torch.testing.assert_close(prediction['scores'], scores)
    assert prediction['index'].tolist() == list(range(6))
    losses = model(**batch, mode='loss')
    labels = batch['data_samples']['labels']
    torch.testing.assert_close(losses['loss'], F.cross_entropy(scores, labels))
    assert losses['top1'].item() == pytest.approx(100 * (scores.argmax(1) == labels).float().mean().item())
    with pytest.raises(ValueError, match="Unknown mode 'feature'"):
        model(view, mode='feature')


def test_head_starts_as_in_the_papers():
    head = MODELS.build(dict(type='LinearHead', in_channels=512, num_classes=60))
    assert head.fc.weight.std().item() == pytest.approx(0.01, rel=0.03)
    assert not head.fc.bias.any()


def test_frozen_backbone_is_bitwise_unchanged_by_training(batch):
    model = make_classifier(frozen=True)
    model.train()
    assert model.training and model.head.training
    assert not any(module.training for module in model.backbone.modules())
    before = copy.deepcopy(model.state_dict())
    optimizer = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9, weight_decay=0.1))
    losses = [model.train_step(batch, optimizer)['loss'].item() for _ in range(5)]
    assert losses[-1] < losses[0]
    after = model.state_dict()
    assert 'backbone.input_norm.running_mean' in after
    changed = {key for key in after if not torch.equal(after[key], before[key])}
    assert changed == {'head.fc.weight', 'head.fc.bias'}
    assert all(p.grad is None for p in model.backbone.parameters())


def test_frozen_feature_has_no_graph(view):
    assert not make_classifier(frozen=True)(view)['joint'].requires_grad
    assert make_classifier()(view)['joint'].requires_grad


def test_fine_tuning_trains_everything(batch):
    model = make_classifier()
    before = copy.deepcopy(model.state_dict())
    model.train_step(batch, OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.5)))
    unchanged = [key for key, value in model.state_dict().items() if torch.equal(value, before[key])]
    assert unchanged == []


@pytest.mark.parametrize('modality', ['joint', 'motion'])
@pytest.mark.parametrize('frozen', [True, False])
def test_query_backbone_of_the_modality_is_taken_over(pretrained, view, modality, frozen):
    method, path = pretrained
    model = make_classifier(modality=modality, pretrained=path, frozen=frozen)
    head = model.head.fc.weight.clone()
    model.init_weights()
    wanted = method.encoder[modality].backbone.state_dict()
    assert all(torch.equal(value, wanted[key]) for key, value in model.backbone.state_dict().items())
    assert torch.equal(model.head.fc.weight, head)
    torch.testing.assert_close(model.eval()(view)[modality], method.eval()(view)[modality])


def test_modality_that_was_not_pretrained_is_refused_with_those_that_were(pretrained):
    model = make_classifier(modality='bone', pretrained=pretrained[1])
    with pytest.raises(CheckpointError, match=r"no backbone of 'bone'. It holds \['joint', 'motion'\]"):
        model.init_weights()


def test_backbone_of_another_architecture_is_refused_with_what_differs(pretrained):
    model = make_classifier(backbone=dict(BACKBONE, hidden_channels=4, num_layers=2), pretrained=pretrained[1])
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(CheckpointError) as error:
        model.init_weights()
    message = str(error.value)
    assert 'pretrained.pth is of another architecture' in message and 'BiGRU' in message
    assert 'it has an extra layers.2.0.weight_ih_l0' in message and 'and 20 more' in message
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    narrow = make_classifier(backbone=dict(BACKBONE, hidden_channels=4), pretrained=pretrained[1])
    with pytest.raises(CheckpointError, match=r'layers.0.0.weight_ih_l0 has shape \(24, 60\) instead of \(12, 60\)'):
        narrow.init_weights()


def test_files_that_are_no_checkpoints_are_refused(tmp_path):
    text, tensor, empty = (tmp_path / name for name in ('text.pth', 'tensor.pth', 'empty.pth'))
    text.write_text('not a checkpoint')
    torch.save(torch.zeros(3), tensor)
    torch.save({}, empty)
    for path, message in (
        (tmp_path / 'nowhere.pth', 'Checkpoint not found: .*nowhere.pth'),
        (text, 'text.pth'),
        (tensor, 'tensor.pth'),
        (empty, 'It holds no pre-trained method'),
    ):
        with pytest.raises(CheckpointError, match=message):
            make_classifier(pretrained=str(path)).init_weights()


def test_views_of_another_layout_are_refused():
    with pytest.raises(ValueError, match="does not fit layout 'kinect20' with 20 joints"):
        make_classifier()(torch.zeros(2, 1, 16, 25, 3))
