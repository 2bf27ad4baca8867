import copy

import pytest
import torch
import torch.nn.functional as F

from mmskelssl.models import MomentumContrast
from mmskelssl.models.algorithms import Entity, momentum
from mmskelssl.models.losses import mutual_distillation
from mmskelssl.utils.errors import ConfigError

MODALITIES = ['joint', 'motion', 'bone']


def unit(*shape: int) -> torch.Tensor:
    return F.normalize(torch.randn(*shape, dtype=torch.float64), dim=1)


def test_similarities_of_an_entity():
    e = Entity(unit(5, 8), unit(5, 8), unit(30, 8))
    for i in range(5):
        torch.testing.assert_close(e.positive[i], e.query[i] @ e.key[i])
        for j in range(30):
            torch.testing.assert_close(e.negatives[i, j], e.query[i] @ e.past[j])
            torch.testing.assert_close(e.teaching[i, j], e.key[i] @ e.past[j])


def test_similarities_are_computed_once_and_only_if_needed(monkeypatch):
    entities = {a: Entity(unit(5, 8), unit(5, 8), unit(30, 8)) for a in MODALITIES}
    pairs = [(a, b) for a in MODALITIES for b in MODALITIES if a != b]
    calls = []
    monkeypatch.setattr(momentum, 'similarity', lambda a, b: calls.append((a, b)) or a @ b.T)
    for _ in range(2):
        mutual_distillation(entities, pairs, 10, 0.05, 0.1)
        assert len(calls) == 6  # teaching and negatives of three entities, though there are six pairs


def test_key_encoders_start_as_copies_without_gradient(make_model):
    model = make_model(modalities=MODALITIES)
    for query, key in zip(model.encoder.parameters(), model.encoder_k.parameters(), strict=True):
        assert torch.equal(query, key) and query.data_ptr() != key.data_ptr()
        assert query.requires_grad and not key.requires_grad
    # Encoders of different modalities are drawn independently.
    weights = [model.encoder[name].neck[0].weight for name in MODALITIES]
    assert not torch.equal(weights[0], weights[1]) and not torch.equal(weights[1], weights[2])


def test_init_weights_makes_the_key_encoders_copies(make_model):
    model = make_model(modalities=['joint', 'bone'], init_cfg=dict(type='Constant', layer='Linear', val=0.25, bias=0.5))
    model.init_weights()
    for name in ('joint', 'bone'):
        for encoder in (model.encoder[name], model.encoder_k[name]):
            assert (encoder.neck[0].weight == 0.25).all() and (encoder.neck[0].bias == 0.5).all()
    assert all(map(torch.equal, model.encoder_k.state_dict().values(), model.encoder.state_dict().values()))


@pytest.mark.parametrize('momentum', [0.0, 0.9, 0.999])
def test_momentum_update_in_closed_form(make_model, momentum):
    model = make_model(modalities=['joint', 'motion'], momentum=momentum)
    for parameter in model.encoder_k.parameters():
        parameter.normal_()
    start = copy.deepcopy(model.encoder_k)
    query = copy.deepcopy(model.encoder)
    for _ in range(5):
        model.before_update()
    for now, before, target in zip(
        model.encoder_k.parameters(), start.parameters(), model.encoder.parameters(), strict=True
    ):
        torch.testing.assert_close(now, target + (before - target) * momentum**5, atol=1e-6, rtol=1e-5)
    assert all(map(torch.equal, query.parameters(), model.encoder.parameters()))


def test_momentum_update_leaves_batch_statistics(make_model):
    model = make_model(momentum=0.5)
    for encoder, value in ((model.encoder, 1.0), (model.encoder_k, 2.0)):
        encoder['joint'].backbone.input_norm.running_mean.fill_(value)
    model.before_update()
    assert (model.encoder_k['joint'].backbone.input_norm.running_mean == 2).all()


@pytest.mark.parametrize('value', [-0.1, 1.1])
def test_momentum_outside_of_its_range_is_refused(make_model, value):
    with pytest.raises(ConfigError, match=rf'model.momentum={value} is not within \[0, 1\]'):
        make_model(momentum=value)
    with pytest.raises(ConfigError, match=f'model.second_momentum={value}'):
        make_model('MMCVMutual', modalities=MODALITIES, num_neighbors=4, second_momentum=value)


@pytest.mark.parametrize('value', [0, -1.0, float('nan')])
def test_temperature_has_to_be_positive(make_model, value):
    with pytest.raises(ConfigError, match=f'model.temperature={value} is not above 0'):
        make_model(temperature=value)


def test_encode_is_the_embedding_of_each_modality_at_unit_length(make_model, views):
    model = make_model(modalities=MODALITIES).eval()
    for encoders in (model.encoder, model.encoder_k):
        for name, embedding in model.encode(encoders, views[0]).items():
            x = model.split(views[0])[name]
            expected = F.normalize(encoders[name].neck(encoders[name].backbone(x)), dim=1)
            torch.testing.assert_close(embedding, expected)


def test_a_pair_of_views_makes_entities_and_leaves_keys(make_model, views):
    model = make_model(modalities=['joint', 'bone']).eval()
    entities = model.encode_pair(*views)
    query, key = model.encode(model.encoder, views[0]), model.encode(model.encoder_k, views[1])
    assert list(entities) == list(model.bank.entities) == ['joint', 'bone']
    for name, e in entities.items():
        assert torch.equal(e.query, query[name]) and torch.equal(e.key, key[name])
        assert e.key is model.keys[name] is model.embeddings[name] and e.past is model.bank[name]
        assert e.query.requires_grad and not e.key.requires_grad
    assert model.to_enqueue() is model.keys


def test_several_batches_of_an_update_are_enqueued_in_their_order(make_model, views):
    model = make_model()
    batches = []
    for number in range(3):
        model([view.roll(number, 0) for view in views], mode='loss')
        batches.append(model.to_enqueue())
    model.after_update(batches)
    assert torch.equal(model.bank['joint'][:18], torch.cat([batch['joint'] for batch in batches]))
    assert int(model.bank.pointer) == 18


def test_the_bank_has_at_least_one_slot():
    with pytest.raises(ConfigError, match='model.queue_size=0'):
        MomentumContrast(dict(type='BiGRU', hidden_channels=8), queue_size=0)
