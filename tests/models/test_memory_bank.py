from collections import deque

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mmskelssl.models import MemoryBank


def numbered(first: int, count: int, width: int) -> torch.Tensor:
    """(count, width) rows that hold their own number."""
    return torch.arange(first, first + count).float()[:, None].expand(-1, width)


def oldest_first(bank: MemoryBank, name: str) -> torch.Tensor:
    return bank[name].roll(-int(bank.pointer), 0)


@given(st.integers(1, 12).flatmap(lambda size: st.tuples(st.just(size), st.lists(st.integers(0, size), max_size=12))))
def test_first_in_first_out_for_any_batch_sizes(case):
    size, batches = case
    bank = MemoryBank(size, {'joint': 3, 'bone': 2})
    reference = deque(bank['joint'].tolist(), maxlen=size)
    written = 0
    for count in batches:
        entries = numbered(written, count, 3)
        bank.enqueue({'joint': entries, 'bone': entries[:, :2]})
        reference.extend(entries.tolist())
        written += count
    assert int(bank.pointer) == written % size
    assert oldest_first(bank, 'joint').tolist() == list(reference)
    # Slot i holds the same clip in every field.
    kept = min(written, size)
    assert torch.equal(oldest_first(bank, 'joint')[size - kept :, 0], oldest_first(bank, 'bone')[size - kept :, 0])


def test_batch_wraps_around_the_end():
    bank = MemoryBank(5, {'joint': 1})
    bank.enqueue({'joint': numbered(0, 3, 1)})
    bank.enqueue({'joint': numbered(3, 4, 1)})
    assert bank['joint'].flatten().tolist() == [5, 6, 2, 3, 4]
    assert int(bank.pointer) == 2


def test_starts_with_random_unit_vectors():
    bank = MemoryBank(50, {'joint': 8, 'bone': 8})
    for name in ('joint', 'bone'):
        torch.testing.assert_close(bank[name].norm(dim=1), torch.ones(50))
        assert len(bank[name].unique(dim=0)) == 50
    assert not torch.equal(bank['joint'], bank['bone'])


def test_entries_leave_their_graph_and_precision_behind():
    bank = MemoryBank(2, {'joint': 1})
    bank.enqueue({'joint': torch.ones(2, 1, dtype=torch.bfloat16, requires_grad=True)})
    assert bank['joint'].dtype == torch.float32 and not bank['joint'].requires_grad
    assert bank['joint'].flatten().tolist() == [1, 1]


@pytest.mark.parametrize(
    'entries',
    [
        {'joint': torch.zeros(2, 1)},
        {'joint': torch.zeros(2, 1), 'bone': torch.zeros(2, 1), 'motion': torch.zeros(2, 1)},
        {'joint': torch.zeros(2, 1), 'bone': torch.zeros(1, 1)},
        {},
    ],
    ids=['missing', 'unknown', 'lengths', 'empty'],
)
def test_fields_that_do_not_match_are_refused_and_nothing_is_written(entries):
    bank = MemoryBank(3, {'joint': 1, 'bone': 1})
    before = {key: value.clone() for key, value in bank.state_dict().items()}
    with pytest.raises(ValueError, match=r"takes one batch for each of \['bone', 'joint'\], but got"):
        bank.enqueue(entries)
    assert all(torch.equal(value, before[key]) for key, value in bank.state_dict().items())


def test_batch_longer_than_the_bank_is_refused():
    bank = MemoryBank(3, {'joint': 1})
    with pytest.raises(ValueError, match='A batch of 4 keys does not fit into model.queue_size=3: raise it or'):
        bank.enqueue({'joint': torch.zeros(4, 1)})
    assert int(bank.pointer) == 0


def test_bank_without_slots_is_refused():
    with pytest.raises(ValueError, match='queue_size=0'):
        MemoryBank(0, {'joint': 1})


def test_checkpoint_carries_content_and_pointer(tmp_path):
    bank = MemoryBank(5, {'joint': 1, 'bone': 2})
    bank.enqueue({'joint': numbered(0, 3, 1), 'bone': numbered(0, 3, 2)})
    torch.save(bank.state_dict(), tmp_path / 'bank.pth')
    other = MemoryBank(5, {'joint': 1, 'bone': 2})
    other.load_state_dict(torch.load(tmp_path / 'bank.pth', weights_only=True))
    for each in (bank, other):
        each.enqueue({'joint': numbered(3, 4, 1), 'bone': numbered(3, 4, 2)})
    assert int(other.pointer) == 2
    assert other['joint'].flatten().tolist() == [5, 6, 2, 3, 4]
    assert torch.equal(other['bone'], bank['bone'])


def test_extras_are_kept_beside_the_entities():
    bank = MemoryBank(4, {'joint': 3}, {'joint_hidden': 2})
    assert bank.entities == {'joint': 3} and bank.fields == {'joint': 3, 'joint_hidden': 2}
    bank.enqueue({'joint': numbered(0, 2, 3), 'joint_hidden': numbered(0, 2, 2)})
    assert bank['joint_hidden'][:2].tolist() == [[0, 0], [1, 1]]


def test_numbers_are_whole_and_start_at_minus_one():
    bank = MemoryBank(4, {'joint': 2}, numbers=['clip'])
    assert bank.entities == {'joint': 2} and bank.fields == {'joint': 2, 'clip': 1}
    assert bank['clip'].flatten().tolist() == [-1] * 4
    large = (1 << 24) + 1  # no float32
    bank.enqueue({'joint': numbered(0, 3, 2), 'clip': torch.tensor([[5], [0], [large]])})
    assert bank['clip'].flatten().tolist() == [5, 0, large, -1]
