"""Partners that do not depend on processes, regions, and the official program's mixes."""

import pytest
import torch
import torch.multiprocessing as mp
from golden_contrast import assert_close, load, recordings, view
from hypothesis import given
from hypothesis import strategies as st

from mmskelssl.datasets.keyed_random import KeyedRandom, clip_keys
from mmskelssl.datasets.layouts import LAYOUTS, SkeletonLayout, get_layout
from mmskelssl.models.mixing import Mix, Region, at_double_speed, draw_mix, draw_regions, of_partners, partners
from mmskelssl.utils.errors import ConfigError

NTU = get_layout('ntu25')


def keyed(clips, seed=0):
    return KeyedRandom(clip_keys(torch.tensor(seed), torch.tensor(0), torch.arange(clips)))


@given(st.integers(1, 40), st.integers(0, 1000))
def test_partners_make_one_circle_of_the_batch(clips, seed):
    partner = partners(keyed(clips, seed)).tolist()
    seen = [0]
    while len(seen) < clips:
        seen.append(partner[seen[-1]])
    assert sorted(seen) == list(range(clips)) and partner[seen[-1]] == 0


def test_partners_follow_the_clips_and_not_their_places():
    random, order = keyed(9), torch.randperm(9)
    there = partners(KeyedRandom(random.keys[order]))
    assert torch.equal(order[there], partners(random)[order])


def test_every_other_clip_is_equally_likely():
    drawn = torch.stack([partners(keyed(5, seed)) for seed in range(2000)])
    counts = torch.stack([(drawn == other).sum(0) for other in range(5)])
    assert counts.diagonal().eq(0).all()
    assert counts[~torch.eye(5, dtype=torch.bool)].sub(500).abs().max() < 100


def _rank(rank, folder, number, clips):
    torch.distributed.init_process_group('gloo', init_method=f'file://{folder}/store', rank=rank, world_size=number)
    random = KeyedRandom(keyed(clips).keys[rank::number])
    partner = partners(random)
    rows = torch.arange(3 * clips).view(clips, 3)[rank::number]
    torch.save((partner, of_partners(rows, partner)), f'{folder}/{rank}.pth')
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


@pytest.mark.parametrize(('number', 'clips'), [(2, 7), pytest.param(3, 2, marks=pytest.mark.slow)])
def test_partners_of_many_processes_are_those_of_one(tmp_path, number, clips):
    mp.spawn(_rank, (str(tmp_path), number, clips), nprocs=number)
    partner = partners(keyed(clips))
    rows = torch.arange(3 * clips).view(clips, 3)
    for rank in range(number):
        theirs, others = torch.load(tmp_path / f'{rank}.pth')
        assert torch.equal(theirs, partner[rank::number])
        assert torch.equal(others, rows[partner][rank::number])


@given(st.sampled_from(sorted(LAYOUTS)), st.integers(1, 3), st.integers(0, 2), st.integers(1, 4), st.integers(0, 3))
def test_regions_are_whole_parts_in_a_row_of_blocks(name, fewest, more_parts, shortest, more_blocks):
    layout, frames, block = get_layout(name), 31, 4
    options = dict(parts=(fewest, fewest + more_parts), blocks=(shortest, shortest + more_blocks), block_frames=block)
    region = draw_regions(keyed(20), layout, frames, **options)
    for inside, start, length in zip(*region, strict=True):
        time, joints = inside.any(1).nonzero()[:, 0], inside.any(0)
        assert inside.sum() == len(time) * joints.sum()
        assert time.tolist() == list(range(int(start), int(start + length)))
        assert start % block == 0 and shortest <= length / block <= shortest + more_blocks
        whole = [all(joints[list(part)]) for part in layout.groups.values()]
        assert fewest <= sum(whole) <= fewest + more_parts
        sizes = [len(part) for part, is_in in zip(layout.groups.values(), whole, strict=True) if is_in]
        assert joints.sum() == sum(sizes)


def test_all_numbers_and_places_of_regions_are_drawn():
    region = draw_regions(keyed(2000), NTU, 64)
    assert {int(n) // 4 for n in region.length} == {7, 8, 9, 10, 11}
    places = {(int(s), int(n)) for s, n in zip(region.start, region.length, strict=True)}
    assert len(places) == sum(16 - n + 1 for n in range(7, 12))
    joints = region.inside.any(1)
    assert len({tuple(row.tolist()) for row in joints}) == 10 + 10  # 2 of 5 and 3 of 5


@pytest.mark.parametrize(
    ('options', 'says'),
    [
        (dict(parts=(2, 6)), 'mix_parts=.2, 6.: give the fewest and the most parts of a region; a view has 5'),
        (dict(parts=(0, 2)), 'mix_parts=.0, 2.'),
        (dict(parts=(3, 2)), 'mix_parts=.3, 2.'),
        (dict(blocks=(7, 17)), 'mix_blocks=.7, 17.: .* blocks of 4 frames of a region; a view has 16'),
    ],
)
def test_regions_that_do_not_fit_are_refused(options, says):
    with pytest.raises(ConfigError, match=says):
        draw_regions(keyed(2), NTU, 64, **options)


def test_a_layout_without_parts_is_refused():
    layout = SkeletonLayout('stick', ('a', 'b'), (0, 0), 0)
    with pytest.raises(ConfigError, match="layout 'stick' has none: give it `groups`"):
        draw_regions(keyed(2), layout, 64)


def test_kinds_of_mixes():
    random = keyed(4000)
    region = draw_regions(random, NTU, 64)
    mix = draw_mix(random, region)
    is_blend = ~((mix.share == 0) | (mix.share == 1)).all((1, 2)) | (mix.share.amin((1, 2)) == mix.share.amax((1, 2)))
    is_fast = (mix.frame != torch.arange(64)).any(1)
    assert not (is_blend & is_fast).any()
    assert is_blend.float().mean().item() == pytest.approx(0.25, abs=0.03)
    assert is_fast.float().mean().item() == pytest.approx(0.25, abs=0.03)
    assert torch.equal(mix.share[~is_blend], region.inside[~is_blend].float())
    shares = mix.share[is_blend].flatten(1)
    assert torch.equal(shares.amin(1), shares.amax(1))
    assert shares[:, 0].mean().item() == pytest.approx(0.5, abs=0.05) and shares[:, 0].std() > 0.25
    torch.testing.assert_close(mix.weight[is_blend].float(), shares[:, 0])


def test_double_speed_is_every_second_frame():
    region = Region(torch.ones(1, 40, 2, dtype=torch.bool), torch.tensor([8]), torch.tensor([12]))
    assert at_double_speed(region)[0, 8:20].tolist() == list(range(0, 24, 2))


def mix_of(case):
    """A recorded mix, and its views."""
    x = view(case['input'])
    clips, _, frames, joints, _ = x.shape
    inside = torch.zeros(clips, frames, joints, dtype=torch.bool)
    blocks, chosen = case['frame_blocks'], case['joints']
    whole = len(blocks) * len(chosen)
    length = frames // len(blocks) if case['kind'] == 'blend' else round(case['weight'] * frames * joints / whole)
    start = blocks[0] * length
    inside[:, start : start + len(blocks) * length, chosen] = True
    region = Region(inside, torch.full((clips,), start), torch.full((clips,), len(blocks) * length))
    share = inside * (case['weight'] if case['kind'] == 'blend' else 1.0)
    frame = torch.arange(frames).expand(clips, -1)
    return x, Mix(
        (torch.arange(clips) + case['shift']) % clips,
        share,
        at_double_speed(region) if case['kind'] == 'region_faster' else frame,
    )


@pytest.mark.parametrize('path', recordings('pcm3'))
def test_mixes_are_those_of_the_official_program(path):
    cases = load(path)['mixing']
    assert cases
    for case in cases:
        x, mix = mix_of(case)
        assert_close(mix.of_views(x), view(case['output']))
        assert mix.weight.tolist() == pytest.approx([case['weight']] * len(x), abs=1e-6)
