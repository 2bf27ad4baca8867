import copy

import pytest
import torch
import torch.nn.functional as F
from golden_contrast import (
    assert_close,
    assert_learns_as,
    build,
    compare_gradients_of,
    load,
    load_encoders,
    loaded_bank,
    norms_of_stgcn,
    recordings,
    st_gcn,
    view,
)

from mmskelssl.utils.errors import ConfigError

STGCN = dict(type='STGCN', base_channels=2, out_channels=8, dropout=0.0)


@pytest.fixture(params=[path for path in recordings('hiclr') if path.id != 'slice'])
def golden(request):
    return load(request.param)


def loaded(golden, topk=None):
    """In the first stage, or in the second with so many neighbours."""
    config = golden['config']
    options = dict(temperature=config['T'], topk=topk or 1, cross_epoch=1)
    model = build(golden, golden['basic'], type='HiCLR', backbone=st_gcn(config), **options)
    model.epoch = 0 if topk is None else 1
    with torch.no_grad():
        model.mask_value['joint'].copy_(golden['official_state_dict']['mask_param'])
    return load_encoders(loaded_bank(model, golden), golden)


def harder(model, golden):
    """The model with what is masked on record."""
    hidden = ~golden['visible'].expand(len(golden['basic']), -1, -1)
    model.draw = lambda *_: hidden
    return model


@pytest.mark.shared
def test_step_is_that_of_the_official_program(golden):
    views = [view(golden[name]) for name in ('normal', 'masked', 'basic', 'key')]
    for topk, recorded in [(None, golden['stage1']), *golden['stage2'].items()]:
        model = harder(loaded(golden, topk), golden)
        assert_close(copy.deepcopy(model.encoder['joint'].backbone).eval()(views[2]), golden['features_eval'])
        losses, expected = model.loss(views), recorded['losses']
        assert {name: loss.item() for name, loss in losses.items()} == pytest.approx(
            dict(
                loss_joint=expected['loss_contrast'],
                loss_joint_normal=expected['loss_normal'] / 2,
                loss_joint_masked=expected['loss_masked'] / 2,
            ),
            rel=1e-5,
        )
        assert sum(losses.values()).item() == pytest.approx(expected['total'], rel=1e-5)

        def step(model=model):
            model.zero_grad()
            sum(model.loss(views).values()).backward()

        norms = norms_of_stgcn(recorded['grad_norms'], views[0].shape[3])
        compare_gradients_of(step, model.encoder['joint'], norms)
        mask = model.mask_value['joint'].grad.norm().item()
        assert mask == pytest.approx(float(recorded['grad_norms']['mask_param']), rel=1e-4)
        assert_close(model.keys['joint'], golden['embeddings']['key'])
        model.after_update([model.to_enqueue()])
        assert_close(model.bank['joint'], recorded['queue_after'].T)
        assert int(model.bank.pointer) == recorded['queue_ptr_after']


@pytest.mark.shared
def test_embeddings_are_those_of_the_official_program(golden):
    model = harder(loaded(golden), golden)
    for kind, z in model.encode_harder([view(golden[name]) for name in ('normal', 'masked')], None).items():
        assert_close(z['joint'], golden['embeddings'][kind])


@pytest.fixture
def make(make_model):
    return lambda **options: make_model('HiCLR', **dict(backbone=STGCN) | options)


@pytest.fixture
def four(views):
    """Two harder views, query and key."""
    return [*(view + 0.5 * torch.randn_like(view) for view in views), *views]


def test_without_what_follows_it_is_skeletonclr(make_model, make, four):
    assert_learns_as(make_model('SkeletonCLR', backbone=STGCN), four[2:], make(follow_weight=0), four)


def test_each_query_follows_the_one_before(make):
    model = make(follow_weight=1)
    query, normal, masked, key = (F.normalize(torch.randn(6, 4), dim=1).requires_grad_() for _ in range(4))
    model.keys = dict(joint=key.detach())
    losses = model.objective(
        model.entities(dict(joint=query)), dict(normal=dict(joint=normal), masked=dict(joint=masked))
    )
    logits = [
        torch.cat([(z * key).sum(1, keepdim=True), z @ model.bank['joint'].T], 1) / 0.07
        for z in (query, normal, masked)
    ]
    for number, (kind, follower) in enumerate(dict(normal=normal, masked=masked).items()):
        loss = losses[f'loss_joint_{kind}']
        expected = -(logits[number].softmax(1) * logits[number + 1].log_softmax(1)).sum(1).mean()
        torch.testing.assert_close(loss, expected)
        gradients = torch.autograd.grad(loss, [query, normal, masked], allow_unused=True, retain_graph=True)
        assert [gradient is not None for gradient in gradients] == [z is follower for z in (query, normal, masked)]


def test_so_many_joints_of_every_frame_are_masked_and_others_in_each(make, views):
    model, keys = make(mask_ratio=0.2), torch.arange(6)
    hidden = model.draw(views[0], dict(keys=keys))
    frames, joints = views[0].shape[2:4]
    assert hidden.shape == (6, frames, joints)
    assert (hidden.sum(-1) == int(0.2 * joints)).all()
    assert not torch.equal(hidden[:, 1:], hidden[:, :-1]) and not torch.equal(hidden[1:], hidden[:-1])
    assert torch.equal(model.draw(views[0][3:], dict(keys=keys[3:])), hidden[3:])


def test_what_is_masked_is_not_seen(make, four):
    model, keys = make(), dict(keys=torch.arange(6))
    hidden = model.draw(four[1], keys)[:, None, :, :, None]
    other = torch.where(hidden, 100 * torch.randn_like(four[1]), four[1])
    once, again = (model.encode_harder([four[0], x], keys) for x in (four[1], other))
    torch.testing.assert_close(once, again)
    sum(model([*four], keys, mode='loss').values()).backward()
    assert model.mask_value['joint'].grad.abs() > 0


def test_nothing_may_be_masked(make, four):
    model = make(mask_ratio=0)
    assert not model.draw(four[0], None).any()
    normal, masked = (
        model.eval().encode_harder([four[0], four[0]], None)[kind]['joint'] for kind in ('normal', 'masked')
    )
    torch.testing.assert_close(normal, masked)


@pytest.mark.parametrize(('ratio', 'says'), [(-0.1, ': give a share'), (1, ': give a share'), (0.01, ' masks none of')])
def test_shares_that_cannot_be_are_refused(make, ratio, says):
    with pytest.raises(ConfigError, match=f'mask_ratio={ratio}{says}'):
        make(mask_ratio=ratio)
