"""Sprites, pairs and image files, against plain loops, SciPy and NumPy's own reading."""

from __future__ import annotations

import colorsys
import io
import math
import zipfile

import numpy as np
import pytest
import torch
from scipy import stats

from hypergeo.datasets import SPRITE_FACTORS, ImageArchive, Sprites

RATE = 1e-6
ALL = tuple(SPRITE_FACTORS)


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def brute_pixel(value: dict[str, float], row: int, column: int, pixels: int) -> list[float]:
    """Returns one pixel by scalar arithmetic: blurred outline |u|^p + |v|^p = 1, cosine colours, over the ground."""
    right, down = (column + 0.5) / pixels - value["x"], (row + 0.5) / pixels - value["y"]
    cosine, sine = math.cos(value["rotation"]), math.sin(value["rotation"])
    u = abs(cosine * right + sine * down) / (value["size"] * math.sqrt(value["aspect"]))
    v = abs(cosine * down - sine * right) / (value["size"] / math.sqrt(value["aspect"]))
    inside = 1 - (u ** value["squareness"] + v ** value["squareness"]) ** (1 / value["squareness"])
    cover = stats.norm.cdf(inside * value["size"] * pixels / 0.5)
    light = value["brightness"]
    strength = 1.25 * value["saturation"] * light * (1 - light)
    lit = [light + strength * math.cos(2 * math.pi * (value["hue"] - channel / 3)) for channel in range(3)]
    return [value["background"] * (1 - cover) + colour * cover for colour in lit]


def test_pixels_match_scalar_arithmetic():
    sprites = Sprites(ALL, 9)
    factors = torch.rand(3, len(ALL), generator=generator(1), dtype=torch.float64)
    images = sprites.render(factors)
    for image, row in zip(images, factors.tolist(), strict=True):
        value = {
            name: low + (high - low) * share for (name, (low, high)), share in zip(SPRITE_FACTORS.items(), row, strict=True)
        }
        for y, x in ((0, 0), (3, 5), (4, 4), (8, 2)):
            # The offset under the root moves the outline by up to a thousandth of the radius at its centre.
            assert image[:, y, x].tolist() == pytest.approx(brute_pixel(value, y, x, 9), abs=2e-3)


def test_factors_mean_what_they_say():
    """Centre, area and colour as measured on the pixels; the centre and area of sprites that lie inside the image."""
    factors = torch.rand(40, 5, generator=generator(2), dtype=torch.float64)
    images = Sprites(image_size=32).render(factors)
    centres = (torch.arange(32) + 0.5) / 32
    measured = 0
    for image, row in zip(images, factors.tolist(), strict=True):
        x, y, radius, hue, bright = (
            low + (high - low) * share for (low, high), share in zip(list(SPRITE_FACTORS.values())[:5], row, strict=True)
        )
        if all(radius + 0.03 < at < 1 - radius - 0.03 for at in (x, y)):
            mass = image.sum(0) / image.sum()
            assert (mass.sum(0) * centres).sum().item() == pytest.approx(x, abs=2e-3)
            assert (mass.sum(1) * centres).sum().item() == pytest.approx(y, abs=2e-3)
            area = image.sum().item() / 32**2 / (3 * bright)
            assert area == pytest.approx(math.pi * radius**2, rel=0.05)
            measured += 1
        middle = image[:, int(y * 32), int(x * 32)]
        turns = colorsys.rgb_to_hsv(*middle.tolist())[0]
        assert abs((turns - hue + 0.5) % 1 - 0.5) < 0.03
    assert measured >= 10


@pytest.mark.parametrize("names", [("x", "y", "size", "hue", "brightness"), ALL])
def test_rendering_is_smooth(names):
    sprites = Sprites(names, 8)
    factors = 0.1 + 0.8 * torch.rand(2, len(names), generator=generator(3), dtype=torch.float64)
    assert torch.autograd.gradcheck(sprites.render, factors.requires_grad_(), fast_mode=True)
    assert torch.autograd.gradcheck(sprites.render, torch.full((1, len(names)), 0.5, dtype=torch.float64).requires_grad_())


def test_no_small_step_of_a_factor_makes_a_pixel_jump():
    for name in ALL:
        names = tuple(dict.fromkeys([name, "rotation"]))
        steps = torch.full((401, len(names)), 0.3, dtype=torch.float64)
        steps[:, 0] = torch.linspace(0, 1, 401, dtype=torch.float64)
        along = Sprites(names, 12).render(steps)
        jumps = along.diff(dim=0).abs().amax((1, 2, 3))
        assert jumps.max() < 0.03, name
        assert along.std(0).max() > 0.03, f"{name} does not show"


def test_every_size_and_shape_of_batch():
    for size in (4, 13, 64):
        assert Sprites(image_size=size).render(torch.rand(2, 3, 5)).shape == (2, 3, 3, size, size)
    one = Sprites().render([0.5, 0.5, 1, 0, 1])
    assert one.shape == (3, 12, 12)
    assert 0 <= one.min() < one.max() <= 1
    corner = Sprites().render([0, 1, 1, 0, 1])
    assert corner.dtype == torch.float32
    assert torch.equal(corner, Sprites().render(torch.tensor([0.0, 1.0, 1.0, 0.0, 1.0])))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Sprites(("x", "colour")), "factors must be names from x, y"),
        (lambda: Sprites("x"), "factors must be names"),
        (lambda: Sprites(("x", "x")), "each factor once"),
        (lambda: Sprites(image_size=2), "image_size must be a whole number of at least 4; got 2"),
        (lambda: Sprites().render(torch.rand(2, 4)), r"shape \(…, 5\); got \(2, 4\)"),
        (lambda: Sprites().render(torch.full((5,), 1.5)), "from 0 to 1; got 1.5"),
        (lambda: Sprites().render(torch.full((5,), math.nan)), "from 0 to 1; got nan"),
        (lambda: Sprites().pairs(4, 6), "from 0 to 5, the number of factors; got 6"),
        (lambda: Sprites().pairs(4, -1), "got -1"),
        (lambda: Sprites().pairs(4, (3, 1)), r"got \(3, 1\)"),
        (lambda: Sprites().pairs(4, True), "got True"),
        (lambda: Sprites().pairs(4, ["hue", "colour"]), "names from x, y, size, hue, brightness"),
        (lambda: Sprites().pairs(4, "hue"), "names from"),
        (lambda: Sprites().pairs(4, torch.tensor([1, 2])), "one whole number for each of 4 pairs"),
        (lambda: Sprites().pairs(2, torch.tensor([1.5, 2.0])), "one whole number"),
        (lambda: Sprites().pairs(0, 1), "count must be a whole number of at least 1; got 0"),
    ],
)
def test_wrong_arguments_are_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_pairs_share_what_they_say():
    sprites = Sprites()
    for shared in (0, 3, 5, (1, 4), ["size", "hue"], (), torch.arange(600) % 6):
        pairs = sprites.pairs(600, shared, generator(4))
        same = pairs.factors[:, 0] == pairs.factors[:, 1]
        assert torch.equal(same, pairs.shared)
        assert torch.equal(sprites.render(pairs.factors), pairs.images)
        if isinstance(shared, int):
            assert bool((pairs.num_shared == shared).all())
        elif isinstance(shared, torch.Tensor):
            assert torch.equal(pairs.num_shared, shared)
        elif shared == (1, 4):
            assert pairs.num_shared.unique().tolist() == [1, 2, 3, 4]
        else:
            assert pairs.shared_names(7) == tuple(shared)


def test_pairs_depend_on_their_generator_only():
    first, second = (Sprites().pairs(8, (0, 5), generator(5)) for _ in range(2))
    assert torch.equal(first.images, second.images)
    assert not torch.equal(first.images, Sprites().pairs(8, (0, 5), generator(6)).images)


def test_pairs_of_several_generators_are_those_of_each():
    shared = [2, (0, 5), ["hue", "x"]]
    together = Sprites().pairs_of_each(7, shared, [generator(seed) for seed in (5, 6, 7)])
    assert together.images.shape == (3, 7, 2, 3, 12, 12)
    for model, (each, seed) in enumerate(zip(shared, (5, 6, 7), strict=True)):
        alone = Sprites().pairs(7, each, generator(seed))
        assert torch.allclose(together.images[model], alone.images, atol=1e-6)
        assert torch.equal(together.factors[model], alone.factors)
        assert torch.equal(together.shared[model], alone.shared)
        assert torch.equal(together.num_shared[model], alone.num_shared)


def test_shared_sets_and_numbers_are_even():
    """Chi-squared tests of 6,000 pairs; a set 1.5 times as frequent as others fails with probability above 0.99."""
    pairs = Sprites().pairs(6_000, 2, generator(7))
    code = (pairs.shared * 2 ** torch.arange(5)).sum(-1)
    assert stats.chisquare(code.unique(return_counts=True)[1].numpy()).pvalue > RATE
    assert len(code.unique()) == 10
    numbers = Sprites().pairs(6_000, (0, 5), generator(8)).num_shared
    assert stats.chisquare(torch.bincount(numbers, minlength=6).numpy()).pvalue > RATE


def test_factors_are_even_and_independent():
    factors = Sprites().pairs(5_000, 0, generator(9)).factors.flatten(1).double().numpy()
    for column in factors.T:
        assert stats.kstest(column, "uniform").pvalue > RATE / 10
    largest = np.abs(np.corrcoef(factors.T) - np.eye(10)).max()
    assert largest < stats.norm.isf(RATE / 90) / math.sqrt(5_000)


# Files


def grid_file(folder, name="file.npz", *, compressed=False, channels=None, values=True, dtype=np.uint8, shuffle=False):
    """Returns the file, images and factor values of a 3 × 1 × 4 × 2 grid whose pixels encode their factors."""
    codes = np.stack(np.unravel_index(np.arange(24), (3, 1, 4, 2)), -1)
    if shuffle:
        codes = codes[np.random.default_rng(0).permutation(24)]
    images = np.zeros((24, 6, 6), dtype) if channels is None else np.zeros((24, 6, 6, channels), dtype)
    for f in range(4):
        images[:, f, 0] = (codes[:, f] * 20 + 5 if channels is None else codes[:, f, None] * 20 + 5) / (
            1 if dtype == np.uint8 else 255
        )
    images[:, 5, 5] = 255 if dtype == np.uint8 else 1
    arrays = {"imgs" if channels is None else "images": images}
    if values:
        arrays["latents_values" if channels is None else "labels"] = codes * 0.5
    file = folder / name
    (np.savez_compressed if compressed else np.savez)(file, **arrays, metadata=np.array({"a": 1}, dtype=object))
    return file, images, codes * 0.5


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("channels", [None, 1, 3])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("shuffle", [False, True])
def test_layouts(tmp_path, compressed, channels, dtype, shuffle):
    file, images, values = grid_file(tmp_path, compressed=compressed, channels=channels, dtype=dtype, shuffle=shuffle)
    archive = ImageArchive(file, factor_names=("a", "one", "b", "c"))
    assert archive.factor_names == ("a", "b", "c")
    assert archive.image_shape == (channels or 1, 6, 6)
    expected = images.reshape(24, 6, 6, -1).transpose(0, 3, 1, 2) / (255 if dtype == np.uint8 else 1)
    rows = torch.tensor([[3, 3], [0, 23]])
    assert np.allclose(archive.images(rows).numpy(), expected[rows.numpy()])
    seen, factors = archive.sample(20, generator(1))
    assert np.allclose(seen[:, 0, [0, 2, 3], 0].numpy() * 255, factors.numpy() * 40 + 5, atol=1e-3)
    assert {tuple(row) for row in factors.tolist()} <= {tuple(row) for row in values[:, [0, 2, 3]].tolist()}


@pytest.mark.parametrize("missing", [False, True])
def test_pairs_of_a_file_share_exactly_what_they_say(tmp_path, missing):
    file, images, values = grid_file(tmp_path)
    if missing:  # without two of the combinations pairs are searched for
        kept = np.setdiff1d(np.arange(24), [4, 17])
        np.savez(file, imgs=images[kept], latents_values=values[kept])
    archive = ImageArchive(file)
    assert archive.factor_names == ("factor 1", "factor 3", "factor 4")
    for shared in (0, 1, 2, 3, (0, 3), ["factor 3"]):
        pairs = archive.pairs(200, shared, generator(2))
        assert torch.equal(pairs.factors[:, 0] == pairs.factors[:, 1], pairs.shared)
        assert torch.allclose(pairs.images[..., 0, [0, 2, 3], 0] * 255, pairs.factors * 40 + 5, atol=1e-3)
        if isinstance(shared, int):
            assert bool((pairs.num_shared == shared).all())
    if not missing:
        counts = np.unique(archive.pairs(3_000, 1, generator(3)).factors[:, 0].numpy(), axis=0, return_counts=True)[1]
        assert len(counts) == 24
        assert stats.chisquare(counts).pvalue > RATE


@pytest.mark.parametrize("missing", [False, True])
def test_pairs_of_a_file_with_several_generators_are_those_of_each(tmp_path, missing):
    file, images, values = grid_file(tmp_path)
    np.savez(file, imgs=images[missing:], latents_values=values[missing:])
    archive, shared = ImageArchive(file), [2, (0, 3), ["factor 3"]]
    together = archive.pairs_of_each(7, shared, [generator(seed) for seed in (5, 6, 7)])
    assert together.images.shape == (3, 7, 2, 1, 6, 6)
    for model, (each, seed) in enumerate(zip(shared, (5, 6, 7), strict=True)):
        alone = archive.pairs(7, each, generator(seed))
        assert len(alone) == 7
        assert torch.equal(together.images[model], alone.images)
        assert torch.equal(together.factors[model], alone.factors)
        assert torch.equal(together.shared[model], alone.shared)


@pytest.mark.parametrize("rows", [7, 9])
def test_factor_values_must_be_one_row_per_image(tmp_path, rows):
    np.savez(tmp_path / "other.npz", images=np.zeros((8, 4, 4), np.uint8), factors=np.zeros((rows, 2)))
    with pytest.raises(ValueError, match=rf"numbers of shape \(8, F\), one row per image; got \({rows}, 2\)"):
        ImageArchive(tmp_path / "other.npz")


def test_several_images_of_one_combination_all_come_up(tmp_path):
    images = np.zeros((8, 4, 4), np.uint8)
    images[:, 0, 0] = np.arange(8) * 30
    np.savez(tmp_path / "twice.npz", images=images, factors=[[0], [1]] * 4)
    pairs = ImageArchive(tmp_path / "twice.npz").pairs(400, 0, generator(1))
    assert pairs.images[..., 0, 0, 0].mul(255).round().unique().tolist() == [30.0 * i for i in range(8)]
    assert bool((pairs.images[:, 0] != pairs.images[:, 1]).any(-1).any(-1).all())


def test_grid_of_a_file_without_factors(tmp_path):
    file, *_ = grid_file(tmp_path, channels=3, values=False)
    archive = ImageArchive(file, grid=(3, 1, 4, 2))
    seen, factors = archive.sample(50, generator(1))
    scale = torch.tensor([2.0, 3.0, 1.0])
    assert torch.allclose(seen[:, 0, [0, 2, 3], 0] * 255, factors * scale * 20 + 5, atol=1e-3)
    assert factors.max() == 1.0


def test_images_are_scaled_by_averaging(tmp_path):
    file, images, _ = grid_file(tmp_path)
    images = np.random.default_rng(0).integers(0, 256, (24, 6, 6)).astype(np.uint8)
    np.savez(file, imgs=images, factors=np.arange(24)[:, None])
    small = ImageArchive(file, image_size=4)
    assert small.image_shape == (1, 4, 4)
    np.savez(tmp_path / "8.npz", imgs=np.kron(images, np.ones((1, 2, 2), np.uint8)), factors=np.arange(24)[:, None])
    back = ImageArchive(tmp_path / "8.npz", image_size=6)
    assert np.allclose(back.images(torch.arange(24))[:, 0].numpy() * 255, images, atol=1e-3)


def test_only_what_is_asked_for_is_read(tmp_path, monkeypatch):
    file, *_ = grid_file(tmp_path, compressed=True)
    plain, *_ = grid_file(tmp_path, "plain.npz")
    for path in (file, plain):
        archive = ImageArchive(path, folder=tmp_path)
        assert isinstance(archive._images, np.memmap)
    unpacked = list(tmp_path.glob("file-*.npy"))
    assert len(unpacked) == 1
    stamp = unpacked[0].stat().st_mtime_ns
    again = ImageArchive(file, folder=tmp_path)
    assert unpacked[0].stat().st_mtime_ns == stamp, "unpacked twice"
    assert again.sample(2)[0].shape == (2, 1, 6, 6)


def test_temporary_folder_goes_with_the_archive(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    file, *_ = grid_file(tmp_path, compressed=True)
    archive = ImageArchive(file)
    assert len(list(tmp_path.glob("hypergeo-*/*.npy"))) == 1
    del archive
    assert not list(tmp_path.glob("hypergeo-*"))


def test_known_data_sets_have_their_names(tmp_path):
    """MPI3D complex: one pixel an image stands for the file, whose 460,800 images come without factor values."""
    np.savez(tmp_path / "mpi3d.npz", images=np.zeros((460_800, 1, 1, 1), np.uint8))
    archive = ImageArchive(tmp_path / "mpi3d.npz")
    assert archive.factor_names[:2] == ("object colour", "object shape")
    assert archive.pairs(5, 6, generator(1)).shared.sum(-1).tolist() == [6] * 5
    assert tuple(archive._sizes) == (4, 4, 2, 3, 3, 40, 40)


def save(path, **arrays):
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize(
    ("make", "options", "words"),
    [
        (lambda f: f.write_text("hello") and f, {}, "bad.npz is not an .npz file"),
        (lambda f: save(f, pixels=np.zeros((4, 4, 4))), {}, "must hold images as one of imgs, images; it holds pixels"),
        (lambda f: save(f, imgs=np.zeros((5, 4, 4))), {}, "factor values .*it holds imgs"),
        (lambda f: save(f, imgs=np.zeros((5, 4)), factors=np.zeros((5, 1))), {}, "rows, columns.* got float64 of shape"),
        (lambda f: save(f, imgs=np.zeros((5, 4, 4)), factors=np.arange(4)[:, None]), {}, r"shape \(5, F\).*got \(4, 1\)"),
        (lambda f: save(f, imgs=np.zeros((5, 4, 4)), factors=np.zeros((5, 2))), {}, "same factor values"),
        (lambda f: save(f, imgs=np.zeros((5, 4, 4)), factors=np.full((5, 2), np.nan)), {}, "finite"),
        (lambda f: save(f, imgs=np.full((5, 4, 4), 300), factors=np.arange(5)[:, None]), {}, "got 300 to 300"),
        (lambda f: save(f, imgs=np.full((5, 4, 4), -0.5), factors=np.arange(5)[:, None]), {}, "got -0.5 to"),
        (lambda f: save(f, imgs=np.zeros((5, 4, 4), object), factors=np.arange(5)[:, None]), {}, "pickled"),
        (lambda f: save(f, imgs=np.zeros((6, 4, 4))), {"grid": (2, 2)}, "product is the number of images, 6"),
        (lambda f: save(f, imgs=np.zeros((6, 4, 4))), {"grid": (2, 3), "factor_names": ["a"]}, "2 different names"),
        (lambda f: save(f, imgs=np.zeros((6, 4, 4))), {"grid": (2, 3), "image_size": 0}, "image_size must be"),
    ],
)
def test_bad_files_are_explained(tmp_path, make, options, words):
    with pytest.raises(ValueError, match=words):
        ImageArchive(make(tmp_path / "bad.npz"), **options)


def test_missing_and_damaged_files(tmp_path):
    with pytest.raises(FileNotFoundError, match="No such file"):
        ImageArchive(tmp_path / "none.npz")
    file, *_ = grid_file(tmp_path, compressed=True)
    with zipfile.ZipFile(file) as archive:
        info = archive.getinfo("imgs.npy")
    data = bytearray(file.read_bytes())
    begin = info.header_offset + 30 + len("imgs.npy")
    data[begin + 30 : begin + info.compress_size - 4] = bytes(info.compress_size - 34)
    file.write_bytes(data)
    with pytest.raises(ValueError, match=r"file\.npz is damaged|not an array"):
        ImageArchive(file)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize(
    ("key", "content", "words"),
    [
        ("imgs", b"no array", r"imgs\.npy is not an array in NumPy's format: "),
        ("factors", b"no array", r"factors\.npy is not an array in NumPy's format: "),
        ("imgs", np.zeros((5, 4, 4)), r"imgs\.npy ends before its values do; it may not have been written whole\."),
        ("factors", np.arange(5.0)[:, None], r"factors\.npy ends before its values do"),
    ],
)
def test_members_that_are_no_arrays_or_end_too_early_are_named(tmp_path, compression, key, content, words):
    """The member after the images is long enough to fill the bytes that they lack."""
    arrays = {"imgs": np.zeros((5, 4, 4)), "factors": np.arange(5.0)[:, None], "more": np.ones(1000)}
    with zipfile.ZipFile(tmp_path / "short.npz", "w", compression) as archive:
        for name, array in arrays.items():
            stream = io.BytesIO()
            np.save(stream, array)
            data = stream.getvalue()
            archive.writestr(f"{name}.npy", (content if isinstance(content, bytes) else data[:-8]) if name == key else data)
    with pytest.raises(ValueError, match=words):
        ImageArchive(tmp_path / "short.npz")


@pytest.mark.parametrize("compressed", [False, True])
def test_damaged_factor_values_are_named(tmp_path, compressed):
    file, *_ = grid_file(tmp_path, compressed=compressed)
    with zipfile.ZipFile(file) as archive:
        info = archive.getinfo("latents_values.npy")
    data = bytearray(file.read_bytes())
    end = info.header_offset + 30 + len(info.filename) + info.compress_size
    data[end - 60 : end - 20] = bytes(40)
    file.write_bytes(data)
    with pytest.raises(ValueError, match=r"file\.npz is damaged: "):
        ImageArchive(file)


def test_continuous_factors_have_no_pairs(tmp_path):
    values = np.random.default_rng(0).random((30, 3))
    archive = ImageArchive(save(tmp_path / "f.npz", imgs=np.zeros((30, 4, 4)), factors=values))
    assert archive.pairs(5, 0, generator(1)).num_shared.tolist() == [0] * 5
    with pytest.raises(ValueError, match="share exactly 2 of 3 factors"):
        archive.pairs(5, 2, generator(1))
