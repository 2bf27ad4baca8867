from itertools import permutations

import pytest
import torch
import torch.nn.functional as F

MODALITIES = ['joint', 'motion', 'bone']
SIZES = dict(num_neighbors=8, num_aggregated=4)
FIELDS = [f'{a}{branch}' for a in MODALITIES for branch in ('', '_cluster', '_hidden')]
TRANSFORMER = dict(
    type='GCNTransformer', gcn_channels=4, width=8, num_layers=2, num_heads=2,
    ffn_channels=16, dropout=0.0,
)  # fmt: skip


@pytest.fixture
def make(make_model):
    """Builds I²MD with momentum encoders unlike the query encoders, in eval mode."""

    def build(**options):
        model = make_model('I2MD', **dict(SIZES, backbone=TRANSFORMER) | options)
        # Clips are told apart: without this, the encoding of time and the biases make most of every embedding.
        for encoder in model.encoder.values():
            encoder.backbone.reduce.weight.data *= 30
            for layer in (encoder.neck[0], encoder.neck[2]):
                layer.bias.data.zero_()
        model.encoder_k.load_state_dict(model.encoder.state_dict())
        for parameter in model.encoder_k.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
        return model.eval()

    return build


def divergence(key, teacher_past, query, student_past, num_neighbors, tau_t, tau_s):
    """Eq. 3, clip by clip."""
    losses = []
    for z_k, z_q in zip(key, query, strict=True):
        near = (teacher_past @ z_k).topk(num_neighbors).indices
        p = (teacher_past[near] @ z_k / tau_t).softmax(0)
        q = (student_past[near] @ z_q / tau_s).softmax(0)
        losses.append((p * (p / q).log()).sum())
    return sum(losses) / len(losses)


def contrast(query, key, past, temperature):
    """Eq. 1 and 7, clip by clip."""
    losses = []
    for z_q, z_k in zip(query, key, strict=True):
        terms = torch.cat([(z_q @ z_k)[None], past @ z_q]) / temperature
        losses.append(-(terms[0].exp() / terms.exp().sum()).log())
    return sum(losses) / len(losses)


def branches(model, encoders, view):
    """z, z* and h of every modality (section 3.3.1), clip by clip."""
    out = {name: [] for name in model.bank.fields}
    for a, x in model.split(view).items():
        backbone, neck = encoders[a].backbone, encoders[a].neck
        for clip in x:
            h = backbone(clip[None])
            z = F.normalize(neck(h), dim=1)
            order = sorted(range(model.bank.size), key=lambda slot, z=z, a=a: -(model.bank[a][slot] @ z[0]).item())
            neighbours = torch.stack([model.bank[f'{a}_hidden'][slot] for slot in order[: model.num_aggregated]])
            clustered = backbone.aggregate(backbone.tokens(clip[None]), neighbours[None])
            out[a].append(z)
            out[f'{a}_cluster'].append(F.normalize(neck(clustered), dim=1))
            out[f'{a}_hidden'].append(h)
    return {name: torch.cat(parts) for name, parts in out.items()}


def test_fields_of_the_bank(make):
    model = make()
    assert model.bank.fields == {
        **dict.fromkeys(MODALITIES, 4),
        **{f'{a}_{kind}': width for a in MODALITIES for kind, width in (('cluster', 4), ('hidden', 8))},
    }


def test_keys_and_hidden_embeddings_are_left_for_every_field(make, views):
    model = make()
    model(views, mode='loss')
    expected = branches(model, model.encoder_k, views[1])
    assert sorted(model.keys) == sorted(FIELDS)
    for name, key in model.keys.items():
        torch.testing.assert_close(key, expected[name], atol=1e-5, rtol=1e-5)
        assert not key.requires_grad


def test_entities_are_the_branches_of_the_modalities(make, views):
    model = make()
    entities = model.encode_pair(*views)
    query = branches(model, model.encoder, views[0])
    assert sorted(entities) == sorted(name for name in FIELDS if not name.endswith('_hidden'))
    for name, e in entities.items():
        torch.testing.assert_close(e.query, query[name], atol=1e-5, rtol=1e-5)
        assert e.key is model.keys[name] and e.past is model.bank[name]
        assert e.query.requires_grad and not e.key.requires_grad


def test_retrieval_by_the_nearest_z(make):
    model = make(modalities=['joint', 'bone'], queue_size=8, num_aggregated=2, feat_dim=3)
    axes = torch.eye(3)
    model.bank['bone'].copy_(-axes.repeat(3, 1)[:8])
    model.bank['bone'][5], model.bank['bone'][1] = axes[0], F.normalize(torch.tensor([1.0, 0.1, 0]), dim=0)
    model.bank['bone'][6], model.bank['bone'][2] = axes[2], F.normalize(torch.tensor([0, 0.1, 1.0]), dim=0)
    model.bank['bone_hidden'].copy_(torch.arange(8.0)[:, None].expand(-1, 8))
    neighbours = model.retrieve(torch.stack([axes[0], axes[2]]).requires_grad_(), 'bone')
    assert neighbours.shape == (2, 2, 8) and not neighbours.requires_grad
    assert neighbours[..., 0].sort().values.tolist() == [[1, 5], [2, 6]]


def test_losses_are_equations_1_to_10(make, views):
    model = make(teacher_temperature=0.06, student_temperature=0.2, temperature=0.1, distill_weight=0.3)
    losses = model(views, mode='loss')
    query, key = branches(model, model.encoder, views[0]), branches(model, model.encoder_k, views[1])
    names = [name for name in FIELDS if not name.endswith('_hidden')]
    assert sorted(losses) == sorted([*(f'loss_{name}' for name in names), 'loss_cmd', 'loss_imd'])

    def distil(a, b):
        return divergence(key[a], model.bank[a], query[b], model.bank[b], 8, 0.06, 0.2)

    scl = {name: contrast(query[name], key[name], model.bank[name], 0.1) for name in names}
    imd = sum(distil(a, f'{a}_cluster') + distil(f'{a}_cluster', a) for a in MODALITIES)
    cmd = sum(distil(a, b) for a, b in permutations(MODALITIES, 2))
    for name in names:
        torch.testing.assert_close(losses[f'loss_{name}'], scl[name], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(losses['loss_imd'], imd, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(losses['loss_cmd'], 0.3 * cmd, atol=1e-5, rtol=1e-5)
    final = sum(scl.values()) + imd + 0.3 * cmd
    torch.testing.assert_close(sum(losses.values()), final, atol=1e-5, rtol=1e-5)


def test_weight_of_the_paper(make):
    assert make().distill_weight == 0.5


def test_cluster_branch_without_cross_attention_is_the_instance_branch(make, views):
    model = make()
    for encoders in (model.encoder, model.encoder_k):
        for encoder in encoders.values():
            for layer in encoder.backbone.layers:
                for parameter in layer.cross_attention.out_proj.parameters():
                    parameter.data.zero_()
    entities = model.encode_pair(*views)
    for a in MODALITIES:
        assert torch.equal(entities[f'{a}_cluster'].query, entities[a].query)
        assert torch.equal(entities[f'{a}_cluster'].key, entities[a].key)


def test_branches_share_all_weights_but_the_cross_attention(make, views):
    model = make(modalities=['joint'])
    losses = model(views, mode='loss')
    parameters = dict(model.encoder.named_parameters())
    instance, cluster = (
        torch.autograd.grad(losses[name], parameters.values(), retain_graph=True, allow_unused=True)
        for name in ('loss_joint', 'loss_joint_cluster')
    )
    assert all(gradient is not None for gradient in cluster)
    unused = {name for name, gradient in zip(parameters, instance, strict=True) if gradient is None}
    assert unused == {name for name in parameters if '.cross_attention.' in name or '.norms.1.' in name}


def test_features_are_those_of_the_instance_branch(make, views):
    model = make()
    features = model(views[0], mode='tensor')
    hidden = branches(model, model.encoder, views[0])
    for a in MODALITIES:
        torch.testing.assert_close(features[a], hidden[f'{a}_hidden'], atol=1e-5, rtol=1e-5)


# The variants of tables 6 to 13.


def test_without_imd(make, views):
    model = make(intra_exchange=None)
    assert list(model.bank.fields) == MODALITIES
    assert list(model(views, mode='loss')) == ['loss_joint', 'loss_motion', 'loss_bone', 'loss_cmd']
    assert list(model.keys) == MODALITIES


def test_without_cmd(make, views):
    losses = make(directions=[])(views, mode='loss')
    assert 'loss_cmd' not in losses and 'loss_imd' in losses and len(losses) == 7


def test_baseline(make, views):
    assert list(make(intra_exchange=None, directions=[])(views, mode='loss')) == [f'loss_{a}' for a in MODALITIES]


def test_one_modality_has_nothing_across(make, views):
    losses = make(modalities=['joint'])(views, mode='loss')
    assert sorted(losses) == ['loss_imd', 'loss_joint', 'loss_joint_cluster']


def test_directions(make, views):
    model = make(directions=[('joint', 'bone')], distill_weight=1.0)
    losses = model(views, mode='loss')
    query, key = branches(model, model.encoder, views[0]), branches(model, model.encoder_k, views[1])
    expected = divergence(key['joint'], model.bank['joint'], query['bone'], model.bank['bone'], 8, 0.05, 0.1)
    torch.testing.assert_close(losses['loss_cmd'], expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('where', ['exchange', 'intra_exchange'])
def test_mutual_contrast_in_either_place(make, views, where):
    model = make(**{where: 'contrast'}, temperature=0.1)
    losses = model(views, mode='loss')
    query, key = branches(model, model.encoder, views[0]), branches(model, model.encoder_k, views[1])
    clusters = [(a, f'{a}_cluster') for a in MODALITIES]
    pairs = list(permutations(MODALITIES, 2)) if where == 'exchange' else [*clusters, *(c[::-1] for c in clusters)]
    mutual = sum(contrast(query[b], key[a], model.bank[a], 0.1) for a, b in pairs)
    distilled, replaced = ('loss_imd', 'loss_cmd') if where == 'exchange' else ('loss_cmd', 'loss_imd')
    weight = 0.5 if where == 'exchange' else 1
    torch.testing.assert_close(losses[replaced], weight * mutual, atol=1e-5, rtol=1e-5)
    model.exchange = model.intra_exchange = 'distill'
    assert torch.equal(model(views, mode='loss')[distilled], losses[distilled])


def test_two_stages_hold_back_the_exchange_across_modalities(make, views):
    model = make(cross_epoch=2)
    kinds = []
    for model.epoch in range(4):
        losses = model(views, mode='loss')
        kinds.append(('loss_cmd' in losses, 'loss_imd' in losses))
    assert kinds == [(False, True), (False, True), (True, True), (True, True)]


@pytest.mark.parametrize('key', ['num_neighbors', 'num_aggregated'])
@pytest.mark.parametrize('number', [0, 33])
def test_numbers_of_neighbours_must_fit_the_bank(make, key, number):
    with pytest.raises(ValueError, match=f'{key}={number} neighbours of queue_size=32 keys: it must lie between'):
        make(**{key: number})


def test_all_slots_may_be_aggregated(make, views):
    losses = make(num_aggregated=32)(views, mode='loss')
    assert all(loss.isfinite() for loss in losses.values())


@pytest.mark.parametrize('key', ['exchange', 'intra_exchange'])
def test_unknown_exchange_is_refused(make, key):
    with pytest.raises(ValueError, match=f"^{key}='mix' is neither 'distill' nor 'contrast'"):
        make(**{key: 'mix'})


def test_direction_of_absent_modalities_is_refused(make):
    with pytest.raises(ValueError, match=r"directions: \('joint', 'bone'\) is not a \(teacher, student\) pair"):
        make(modalities=['joint', 'motion'], directions=[('joint', 'bone')])


def test_backbone_without_branches_is_refused(make_model):
    backbone = dict(type='BiGRU', hidden_channels=8)
    with pytest.raises(ValueError, match="needs a backbone that aggregates neighbours, but backbone.type is 'BiGRU'"):
        make_model('I2MD', **SIZES, backbone=backbone)
    make_model('I2MD', **SIZES, backbone=backbone, intra_exchange=None)
