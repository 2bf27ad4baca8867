import numpy as np
import pytest

from mmskelssl.datasets import ClipStore
from mmskelssl.evaluation.protocols import load_protocol, logistic
from mmskelssl.evaluation.reading import read_pretrained
from mmskelssl.evaluation.references import cheap_forms
from mmskelssl.evaluation.workspace import Workspace

from ..conftest import pretraining


def planted(folder, make_checkpoint, noise):
    """Raw coordinates of clips by ten performers; the class is where one joint stands, beside a joint of noise."""
    random = np.random.default_rng(0)
    with ClipStore.create(folder / 'planted', 'kinect20', ['left', 'right']) as writer:
        for number in range(60):
            clip = np.zeros((1, 4, 20, 3))
            clip[:, :, 5, 0] = 0.1 * (number % 2 + noise * random.standard_normal())
            clip[:, :, 6] = 0.1 * random.standard_normal(3)
            writer.add(f'{number}', number % 2, clip, performer=number // 4)
        writer.splits.update(train=range(40), test=range(40, 60))
    backbone = dict(type='RawCoordinates', num_frames=8)
    return read_pretrained(make_checkpoint(pretraining(folder / 'planted', backbone, ['joint'])))


def run(model, folder, *strengths):
    options = {'protocol.strengths': strengths} if strengths else {}
    return load_protocol('logistic', {'logistic': options}).run(Workspace(model, folder / 'work'), ('joint',))


def test_what_is_linear_is_found(tmp_path, make_checkpoint):
    result = run(planted(tmp_path, make_checkpoint, 0.0), tmp_path, 0.01)
    assert result.metrics['top1'].values == [100]
    card = result.card
    assert (card.trained, card.features, card.seeds, card.chosen) == ('classifier', 'standardized', [], {})


def test_the_penalty_is_chosen_on_held_out_performers_alone(tmp_path, make_checkpoint, monkeypatch):
    asked = []
    plain = logistic.logistic_scores
    monkeypatch.setattr(
        logistic, 'logistic_scores', lambda *args: asked.append([len(args[0]), len(args[2])]) or plain(*args)
    )
    result = run(planted(tmp_path, make_checkpoint, 0.3), tmp_path)
    # A performer is a tenth of the 40 training clips; 20 clips are tested, once, after all trials.
    assert asked == [[36, 4]] * 5 + [[40, 20]]
    chosen = result.card.chosen
    losses = {float(strength): loss for strength, loss in chosen['held_out_loss'].items()}
    assert chosen['strength'] == min(losses, key=losses.get) and chosen['held_out_clips'] == 4
    assert len(set(losses.values())) > 1


def test_where_nothing_can_be_held_out_the_middle_penalty_stands_and_is_said(tmp_path, make_checkpoint, monkeypatch):
    monkeypatch.setattr(logistic, 'held_out', lambda store, indices: np.zeros(len(indices), bool))
    result = run(planted(tmp_path, make_checkpoint, 0.0), tmp_path)
    assert result.card.chosen == {}
    assert result.remarks == ['The penalty is 0.01: it was not chosen on held-out clips.']


def test_references_are_measured_by_it():
    protocol = load_protocol('logistic')
    assert cheap_forms(protocol, load_protocol) == [protocol]


@pytest.mark.parametrize('strengths', [[], [0.1, 0.0]])
def test_a_strength_that_is_none_is_refused(strengths):
    with pytest.raises(ValueError, match="of 'logistic': give one or more numbers above 0"):
        load_protocol('logistic', {'logistic': {'protocol.strengths': strengths}})
