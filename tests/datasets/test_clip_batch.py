import numpy as np
import pytest
import torch

from mmskelssl.datasets.clip_batch import ClipBatch
from mmskelssl.datasets.clip_store import ClipStore


def batch_of(store, indices, max_persons=2):
    columns = (store.offsets, store.num_frames, store.num_persons)
    return ClipBatch(torch.from_numpy(store.frames), *(torch.from_numpy(c[indices]) for c in columns), max_persons)


@pytest.fixture
def store(make_store):
    return ClipStore(make_store())


def test_sample_mixes_two_frames_of_each_person(store):
    batch = batch_of(store, [5, 0, 2])
    lower = torch.tensor([[0, 63, 64], [0, 0, 0], [2, 3, 6]])
    upper = torch.tensor([[1, 64, 64], [0, 0, 0], [3, 2, 6]])
    weight = torch.tensor([[0.25, 0.5, 0.9], [0.0, 0.3, 1.0], [0.0, 1.0, 0.5]])
    got = batch.sample(lower, upper, weight)
    assert got.shape == (3, 2, 3, 25, 3) and got.dtype == torch.float32
    for n, index in enumerate([5, 0, 2]):
        clip = torch.from_numpy(store[index].copy())
        for m in range(2):
            if m >= len(clip):
                assert (got[n, m] == 0).all()
                continue
            w = weight[n][:, None, None]
            torch.testing.assert_close(got[n, m], (1 - w) * clip[m, lower[n]] + w * clip[m, upper[n]])


def test_persons_beyond_the_batch_are_left_out(store):
    frame = torch.zeros(2, 1, dtype=torch.int64)
    one = batch_of(store, [1, 5], max_persons=1).sample(frame, frame, torch.zeros(2, 1))
    assert one.shape == (2, 1, 1, 25, 3)
    torch.testing.assert_close(one[1, 0, 0], torch.from_numpy(store[5][0, 0].copy()), rtol=0, atol=0)
    three = batch_of(store, [1, 5], max_persons=3).sample(frame, frame, torch.zeros(2, 1))
    assert (three[:, 2] == 0).all() and (three[1, 1] != 0).all()


def test_half_precision_becomes_single(make_store):
    store = ClipStore(make_store(dtype='float16'))
    frame = torch.tensor([[3, 4]])
    got = batch_of(store, [4]).sample(frame, frame, torch.zeros(1, 2))
    assert got.dtype == torch.float32
    np.testing.assert_array_equal(got[0, 0].numpy(), store[4][0, 3:5].astype(np.float32))
    assert batch_of(store, [4]).pack().frames.dtype == torch.float32


def test_pack_takes_the_rows_of_its_clips_only(store):
    indices = [6, 1, 1]
    packed = batch_of(store, indices).pack()
    assert packed.offsets.tolist() == [0, 90, 94]
    assert len(packed.frames) == 90 + 4 + 4
    for n, index in enumerate(indices):
        rows = packed.frames[packed.offsets[n] : packed.offsets[n] + store[index].shape[0] * store[index].shape[1]]
        np.testing.assert_array_equal(rows.numpy(), store[index].reshape(-1, 25, 3))
    assert packed.clip_of_row().tolist() == [0] * 90 + [1] * 4 + [2] * 4
    frame = torch.zeros(3, 1, dtype=torch.int64)
    weight = torch.zeros(3, 1)
    assert torch.equal(packed.sample(frame, frame, weight), batch_of(store, indices).sample(frame, frame, weight))


def test_packing_copies(store):
    packed = batch_of(store, [2]).pack()
    before = store[2].copy()
    packed.frames.zero_()
    np.testing.assert_array_equal(store[2], before)


def test_repeat_lists_all_clips_again(store):
    batch = batch_of(store, [3, 1]).repeat(3)
    assert batch.offsets.tolist() == store.offsets[[3, 1]].tolist() * 3
    assert batch.num_frames.tolist() == [30, 2] * 3 and batch.num_persons.tolist() == [2, 2] * 3
    assert batch.frames.data_ptr() == batch_of(store, [3]).frames.data_ptr()


def test_rows_know_their_clip_and_frame(store):
    packed = batch_of(store, [2, 0, 1]).pack()
    assert store.num_frames[[2, 0, 1]].tolist() == [7, 1, 2] and store.num_persons[[2, 0, 1]].tolist() == [1, 1, 2]
    assert packed.clip_of_row().tolist() == [0] * 7 + [1] + [2] * 4
    assert packed.frame_of_row().tolist() == [*range(7), 0, 0, 1, 0, 1]


def test_selected_clips_are_those_of_a_smaller_batch(store):
    selected = batch_of(store, range(7), max_persons=1).select(torch.tensor([6, 1, 1]))
    expected = batch_of(store, [6, 1, 1], max_persons=1)
    assert all(torch.equal(a, b) for a, b in zip(selected[:4], expected[:4], strict=True))
    assert selected.max_persons == 1 and selected.frames.data_ptr() == torch.from_numpy(store.frames).data_ptr()
