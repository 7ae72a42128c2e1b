"""Self-labelling: parts against references, conditions that every prior fulfils, and sizes that only two priors learn."""

from __future__ import annotations

import itertools
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from scipy import stats

from hypergeo.clustering.merged_start import merged_labels
from hypergeo.clustering.scores import score_clusters
from hypergeo.clustering.self_labelling.augmentation import Augmentation
from hypergeo.clustering.self_labelling.model import (
    LabelledClusters,
    SelfLabelling,
    _contrast,
    concentration,
    fit_self_labelling,
)
from hypergeo.clustering.self_labelling.settings import LabellingSettings
from hypergeo.datasets.labelled import LabelledArrays, geometric_sizes, labelled_digits

PRIORS = ("uniform", "categorical", "hypergeometric")
STILL = {"rotation": 0, "scale": 0, "shear": 0, "shift": 0, "bend": 0, "contrast": 0, "noise": 0}
QUICK = LabellingSettings(width=32, batch=64, warm_up=40, steps=40, every=10)
SIZES = (40, 15, 5)


def three_kinds(sizes: tuple[int, ...] = SIZES) -> tuple[np.ndarray, np.ndarray]:
    """Returns images of horizontal bars, vertical bars and rings, shape ``(N, 8, 8)``, and their classes, shape ``(N,)``.

    No augmentation turns one kind into another.

    Args:
        sizes: number of images of each kind.
    """
    kinds = np.zeros((3, 8, 8))
    kinds[0, 3:5, 1:7] = kinds[1, 1:7, 3:5] = kinds[2, 1:7, 1:7] = 255.0
    kinds[2, 3:5, 3:5] = 0.0
    classes = np.repeat(np.arange(len(sizes)), sizes)
    noise = np.random.default_rng(0).normal(scale=10.0, size=(len(classes), 8, 8))
    return kinds[classes] + noise, classes


@cache
def fitted(prior: str, seed: int) -> LabelledClusters:
    """Returns the fit of a prior to the three kinds of images; several tests share it."""
    return fit_self_labelling(three_kinds()[0], 3, prior=prior, seed=seed, settings=QUICK)


def centres(images: torch.Tensor) -> np.ndarray:
    """Returns column and row of each image's centre of mass, in pixels, shape ``(N, 2)``."""
    mass = images[:, 0].sum((-1, -2))
    places = torch.arange(images.shape[-1], dtype=torch.float32)
    return (
        torch.stack([(images[:, 0].sum(-2) * places).sum(-1), (images[:, 0].sum(-1) * places).sum(-1)], -1)
        .div(mass[:, None])
        .numpy()
    )


def test_shifts_are_even_up_to_the_largest():
    image = torch.zeros(1, 1, 16, 16)
    image[..., 6:10, 6:10] = 1.0
    changed = Augmentation(**{**STILL, "shift": 0.125})(image.expand(4_000, -1, -1, -1), torch.Generator().manual_seed(0))
    moved = centres(changed) - 7.5
    assert np.abs(moved).max() <= 2.0 + 1e-4
    # False alarm 1e-6; this number of samples shows an error of 4 % in the largest shift.
    for axis in moved.T:
        assert stats.kstest(axis, stats.uniform(-2.0, 4.0).cdf).pvalue > 1e-6


def test_images_bend_along_both_axes_independently():
    """Of ramps along each axis the middle pixel shows the shift along it. Five standard errors: false alarm 6e-7 each."""
    ramp = (torch.arange(9.0) / 8).expand(9, 9)
    seen = []
    for image in (ramp, ramp.T):
        images = image.expand(2_000, 1, 9, 9)
        seen.append(Augmentation(**{**STILL, "bend": 0.02})(images, torch.Generator().manual_seed(4))[:, 0, 4, 4] - 0.5)
    for shifts in seen:
        assert float(shifts.std()) == pytest.approx(0.02 * 9 / 8, abs=5 * 0.0225 / 4_000**0.5)
    assert abs(float(torch.corrcoef(torch.stack(seen))[0, 1])) < 5 / 2_000**0.5


def test_turns_keep_the_mass_and_are_even():
    bar = torch.zeros(1, 1, 33, 33)
    bar[..., 16, 4:29] = 1.0
    changed = Augmentation(**{**STILL, "rotation": 30})(bar.expand(2_000, -1, -1, -1), torch.Generator().manual_seed(1))
    assert changed.sum((-1, -2)).numpy() == pytest.approx(25.0, rel=0.1)
    places = np.stack(np.meshgrid(np.arange(33) - 16.0, np.arange(33) - 16.0), -1).reshape(-1, 2)
    angles = []
    for image in changed[:, 0].reshape(len(changed), -1).numpy():
        spread = (places * image[:, None]).T @ places
        angles.append(np.degrees(0.5 * np.arctan2(2 * spread[0, 1], spread[0, 0] - spread[1, 1])))
    assert stats.kstest(angles, stats.uniform(-30.0, 60.0).cdf).pvalue > 1e-6


def test_noise_and_contrast_of_what_are_no_pictures():
    flat = torch.full((5_000, 1, 1, 8), 0.5)
    noisy = Augmentation(**{**STILL, "rotation": 15, "shift": 0.5, "noise": 0.2})(flat, torch.Generator().manual_seed(2))
    assert stats.kstest(noisy.flatten().numpy(), stats.norm(0.5, 0.2).cdf).pvalue > 1e-6
    paler = Augmentation(**{**STILL, "contrast": 0.4})(flat, torch.Generator().manual_seed(3))
    assert float((paler.amax(-1) - paler.amin(-1)).max()) == 0.0
    assert stats.kstest(paler[:, 0, 0, 0].numpy(), stats.uniform(0.3, 0.4).cdf).pvalue > 1e-6


@pytest.mark.parametrize("value", [-1.0, float("inf"), "much", True])
def test_amounts_that_will_not_do(value):
    with pytest.raises(ValueError, match="shear must be a number, zero or more"):
        Augmentation(shear=value)


def test_contrast_is_the_published_loss():
    random = np.random.default_rng(4)
    features = random.normal(size=(10, 3))
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    losses = []
    for i, j in itertools.chain(zip(range(5), range(5, 10), strict=True), zip(range(5, 10), range(5), strict=True)):
        others = [np.exp(features[i] @ features[k] / 0.3) for k in range(10) if k != i]
        losses.append(-np.log(np.exp(features[i] @ features[j] / 0.3) / sum(others)))
    assert float(_contrast(torch.from_numpy(features), 0.3)) == pytest.approx(np.mean(losses))


@pytest.mark.parametrize(("axes", "kappa"), [(3, 5.0), (8, 40.0), (16, 20.0)])
def test_concentration_is_that_of_von_mises_and_fisher(axes, kappa):
    law = stats.vonmises_fisher(np.eye(axes)[0], kappa, seed=5)
    length = float(np.linalg.norm(law.rvs(20_000).mean(0)))
    assert concentration(length, axes) == pytest.approx(kappa, rel=0.1)


@pytest.mark.parametrize("prior", PRIORS)
def test_sizes_that_are_learned_and_sizes_that_are_not(prior):
    images, classes = three_kinds()
    fit = fit_self_labelling(images, 3, prior=prior, settings=QUICK)
    assert fit.plan.shape == (60, 3)
    assert fit.plan.sum(1).numpy() == pytest.approx(1.0, abs=1e-5)
    assert fit.plan.sum(0).numpy() == pytest.approx(fit.sizes.numpy(), rel=0.05)
    assert float(fit.sizes.sum()) == pytest.approx(60, rel=1e-5)
    assert torch.equal(fit.labels, fit.plan.argmax(-1))
    assert fit.features.norm(dim=-1).numpy() == pytest.approx(1.0, abs=1e-5)
    scores = score_clusters(classes, fit.labels.numpy(), fit.sizes.numpy())
    if prior == "uniform":
        assert fit.sizes.numpy() == pytest.approx(20.0)
        assert scores.size_error == pytest.approx(20 / 60)
        assert scores.adjusted_rand_index < 0.7
    else:
        assert scores.size_error < 0.02
        assert scores.adjusted_rand_index == 1.0
        shares = fit.log_weights.softmax(-1).numpy()
        # With a capacity for all points in each cluster, Fisher's mean is near the categorical one, but less unequal.
        assert np.argsort(shares).tolist() == np.argsort(fit.sizes.numpy()).tolist()


def test_labels_after_the_warm_up_start_from_merged_clusters():
    images, classes = three_kinds()
    settings = replace(QUICK, starts=2)
    model = SelfLabelling(images, 3, prior="categorical", seed=8, settings=settings)
    model.step(10)
    result = model.evaluate()
    generators = [np.random.default_rng((8, 2, start)) for start in range(2)]
    assert torch.equal(result.first_labels, merged_labels(model.features(), 3, generators))
    assert float(result.sizes.sum()) == pytest.approx(60)
    # The weights take one more step after the last plan.
    torch.testing.assert_close(result.plan.sum(0), result.sizes.to(result.plan), rtol=0, atol=0.05)
    assert score_clusters(classes, result.labels.numpy(), result.sizes.numpy()).adjusted_rand_index > 0.9


def test_priors_start_from_the_same_clusters():
    starts = [fitted(prior, 8).first_labels for prior in PRIORS]
    assert torch.equal(starts[0], starts[1])
    assert torch.equal(starts[0], starts[2])


def test_capacities_are_kept_and_help():
    images, classes = three_kinds((22, 20, 18))
    model = SelfLabelling(images, 3, capacities=[22, 22, 22], settings=QUICK)
    for _ in range(QUICK.warm_up + QUICK.steps):
        model.step()
        if model.plan is not None:
            assert float(model.plan.sum(0).max()) <= 22 + 1e-3
    result = model.evaluate()
    assert score_clusters(classes, result.labels.numpy(), result.sizes.numpy()).adjusted_rand_index == 1.0


def test_labels_keep_to_both_bounds():
    images, _ = three_kinds()
    model = SelfLabelling(images, 3, capacities=[30, 30, 30], minimum_sizes=12, settings=QUICK)
    fit = model.finish()
    counts = torch.bincount(fit.labels, minlength=3)
    assert 12 <= int(counts.min()) <= int(counts.max()) <= 30
    assert 12 - 1e-3 <= float(fit.sizes.min()) <= float(fit.sizes.max()) <= 30 + 1e-3


def test_one_seed_is_one_result_whatever_the_common_generator():
    images, _ = three_kinds()
    first = fitted("hypergeometric", 8)
    torch.manual_seed(9)
    again = fit_self_labelling(images, 3, seed=8, settings=QUICK)
    assert torch.equal(first.plan, again.plan)
    assert torch.equal(first.log_weights, again.log_weights)
    other = fit_self_labelling(images, 3, seed=9, settings=QUICK)
    assert not torch.equal(first.features, other.features)


def test_a_warm_up_serves_every_prior():
    images, _ = three_kinds()
    warmed = SelfLabelling(images, 3, seed=8, settings=QUICK)
    warmed.step(QUICK.warm_up)
    for prior, sized in (("uniform", {}), ("categorical", {}), ("hypergeometric", {"capacities": 50})):
        shared = warmed.with_prior(prior, **sized).finish()
        alone = fit_self_labelling(images, 3, prior=prior, seed=8, settings=QUICK, **sized) if sized else fitted(prior, 8)
        assert torch.equal(shared.plan, alone.plan), prior
        assert torch.equal(shared.log_weights, alone.log_weights), prior
    warmed.step()
    with pytest.raises(ValueError, match="during the warm-up only"):
        warmed.with_prior("uniform")


def test_scale_and_layout_of_images_do_not_matter():
    images, _ = three_kinds()
    settings = LabellingSettings(width=8, batch=16, warm_up=3, steps=3, every=1)
    plain = fit_self_labelling(images.astype(np.float32), 3, settings=settings)
    channel = fit_self_labelling(4 * images[..., None].astype(np.float32), 3, settings=settings)
    assert channel.plan.numpy() == pytest.approx(plain.plan.numpy(), abs=1e-3)
    rows = images.reshape(60, 64).astype(np.float32)
    flat, lines = (fit_self_labelling(each, 3, settings=settings) for each in (rows, rows[:, None]))
    assert torch.equal(flat.plan, lines.plan)
    assert not torch.equal(flat.plan, plain.plan), "shifts know no rows of pixels"


def test_progress_counts_every_step():
    images, _ = three_kinds()
    seen = []
    settings = LabellingSettings(width=8, batch=16, warm_up=3, steps=2)
    fit_self_labelling(images, 3, settings=settings, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]


@pytest.mark.slow
def test_digits_of_unequal_sizes():
    """Less than half the usual training; after the usual one, uniform sizes score 0.2 less on average over ten seeds."""
    digits = labelled_digits().sized(geometric_sizes(10, 180, 20), seed=10)
    settings = LabellingSettings(warm_up=150, steps=90)
    warmed = SelfLabelling(digits.arrays, 10, settings=settings)
    warmed.step(settings.warm_up)
    rand, error = {}, {}
    for prior in PRIORS:
        fit = warmed.with_prior(prior).finish()
        scores = score_clusters(digits.classes, fit.labels.numpy(), fit.sizes.numpy())
        rand[prior], error[prior] = scores.adjusted_rand_index, scores.size_error
    assert error["uniform"] == pytest.approx(np.abs(np.array(geometric_sizes(10, 180, 20)) - 76).sum() / 1520)
    for prior in ("categorical", "hypergeometric"):
        assert rand[prior] > rand["uniform"] + 0.08
        assert error[prior] < 0.8 * error["uniform"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"images": np.zeros((4, 2, 2))}, "must not all be the same"),
        ({"images": np.array([[0.0, np.nan], [1.0, 2.0]])}, "must be finite"),
        ({"images": np.zeros(4)}, r"must have shape .* got \(4,\)"),
        ({"images": [[0.0], [1.0, 2.0]]}, "regular array"),
        ({"num_clusters": 0}, "between 1 and the number of images, 60; got 0"),
        ({"num_clusters": 61}, "got 61"),
        ({"seed": -1}, "seed must be a whole number of at least 0"),
        ({"prior": "magic"}, "prior must be one of"),
        ({"prior": "uniform", "temperature": 1.0}, "Only the hypergeometric prior"),
        ({"capacities": 19}, "room for all 60 points"),
    ],
)
def test_what_is_wrong_is_named(change, words):
    arguments = {"images": three_kinds()[0], "num_clusters": 3, **change}
    with pytest.raises(ValueError, match=words):
        SelfLabelling(arguments.pop("images"), arguments.pop("num_clusters"), **arguments)


@pytest.mark.parametrize(("name", "value"), [("batch", 1), ("every", 0), ("steps", -1), ("draws", 1.5)])
def test_settings_that_will_not_do(name, value):
    with pytest.raises(ValueError, match=f"{name} must be a whole number"):
        LabellingSettings(**{name: value})


def test_classes_get_their_sizes_by_chance():
    data = LabelledArrays(np.arange(60.0)[:, None], np.repeat(np.arange(3), 20))
    largest = []
    for seed in range(600):
        some = data.sized([9, 4, 2], seed)
        assert sorted(some.sizes.tolist()) == [2, 4, 9]
        assert len(set(some.points[:, 0])) == 15
        assert (some.points[:, 0] // 20 == some.classes).all()
        largest.append(int(some.sizes.argmax()))
    # The test detects a class that is the largest in 45 % of the cases instead of a third.
    assert stats.chisquare(np.bincount(largest, minlength=3)).pvalue > 1e-6


def test_a_size_that_one_class_alone_has_room_for():
    data = LabelledArrays(np.zeros((24, 1)), np.repeat(np.arange(3), [4, 15, 5]))
    assert all(data.sized([4, 4, 10], seed).sizes.tolist() == [4, 10, 4] for seed in range(20))
    with pytest.raises(ValueError, match=r"\[4, 5, 15\] members; too few for \[4, 6, 6\]"):
        data.sized([6, 6, 4], 0)
    with pytest.raises(ValueError, match="3 whole numbers, at least one each"):
        data.sized([6, 4], 0)
    with pytest.raises(ValueError, match="if classes are known"):
        LabelledArrays(np.zeros((3, 1)), None).sized([1, 1], 0)
