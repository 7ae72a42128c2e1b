"""Initial clusters of unequal sizes, and variational clustering with an encoder from the warm-up of self-labelling."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.cluster import KMeans
from torch.nn import functional

from hypergeo.clustering.kmeans import kmeans_labels
from hypergeo.clustering.merged_start import STARTS, merged_labels
from hypergeo.clustering.scores import score_clusters
from hypergeo.clustering.self_labelling.model import SelfLabelling
from hypergeo.clustering.self_labelling.settings import LabellingSettings
from hypergeo.clustering.variational.autoencoder import MixtureAutoencoder
from hypergeo.clustering.variational.fit import fit_variational_clusters
from hypergeo.clustering.variational.warmed_encoder import WarmedEncoder

SIZES = (600, 60, 40, 30)


def caps(seed: int) -> tuple[torch.Tensor, np.ndarray]:
    """Returns unit vectors in one wide cap and three narrow ones near one another, of very unequal sizes.

    Displacements are uniform in a ball, so that caps end: at most 49° from the middle of the wide one and 12° from those of
    the others, at a distance of 106° or more. Normal displacements had tails nearer to another middle (8 to 19 of 600
    points), and whether average linkage joined them to their cap depended on rounding errors of k-means.

    Args:
        seed: seed of the points.

    Returns:
        Points, shape ``(N, 4)``, and their classes, shape ``(N,)``.
    """
    generator = torch.Generator().manual_seed(seed)
    middles = functional.normalize(
        torch.tensor([[1.0, 0, 0, 0], [-0.4, 1, 0.5, 0], [-0.4, 1, -0.8, 0.5], [-0.4, 0.5, 0, -1]]), dim=-1
    )
    radii = torch.tensor([0.75, 0.2, 0.2, 0.2])
    classes = torch.repeat_interleave(torch.arange(4), torch.tensor(SIZES))
    directions = functional.normalize(torch.randn(len(classes), 4, generator=generator), dim=-1)
    displacements = radii[classes, None] * torch.rand(len(classes), 1, generator=generator) ** (1 / 4) * directions
    return functional.normalize(middles[classes] + displacements, dim=-1), classes.numpy()


def test_merged_clusters_keep_sizes_that_kmeans_makes_equal():
    """For each of five seeds k-means splits the large cap, and merging recovers it."""
    for seed in range(5):
        points, classes = caps(seed)
        generators = [np.random.default_rng((seed, start)) for start in range(3)]
        cut = score_clusters(classes, KMeans(4, n_init=3, random_state=seed).fit_predict(points.numpy()))
        merged = score_clusters(classes, merged_labels(points, 4, generators).numpy())
        assert cut.size_error > 0.15
        assert merged.size_error < 0.03
        assert merged.adjusted_rand_index > 0.95


def test_merging_is_average_linkage_of_the_pieces():
    points, _ = caps(9)
    points = points[::5]
    labels = merged_labels(points, 4, [np.random.default_rng(0)])
    pieces = kmeans_labels(points, min(40, len(points) // 5), [np.random.default_rng(0)]).numpy()
    middles = np.stack([points.numpy()[pieces == piece].sum(0) for piece in np.unique(pieces)])
    middles /= np.linalg.norm(middles, axis=1, keepdims=True)
    groups = fcluster(linkage(middles.astype(float), "average"), 4, "maxclust")
    expected = groups[np.searchsorted(np.unique(pieces), pieces)]
    assert score_clusters(expected - 1, labels.numpy()).adjusted_rand_index == 1.0
    assert len(labels.unique()) == 4


def with_outliers(seed: int) -> tuple[torch.Tensor, np.ndarray]:
    """Returns two caps near one another, two others, and ten points far from all, which belong to the nearest one of these.

    Args:
        seed: seed of the points.

    Returns:
        Points, shape ``(N, 3)``, and their classes, shape ``(N,)``.
    """
    middles = functional.normalize(
        torch.tensor([[1.0, 0.35, 0], [1.0, -0.35, 0], [-1.0, 0, 1], [-1, 0, -1], [-0.6, 1, 1]]), dim=-1
    )
    sizes = torch.tensor([200, 200, 200, 190, 10])
    places = torch.repeat_interleave(torch.arange(5), sizes)
    noise = 0.08 * torch.randn(len(places), 3, generator=torch.Generator().manual_seed(seed)).clamp(-2, 2)
    return functional.normalize(middles[places] + noise, dim=-1), places.clone().masked_fill_(places == 4, 2).numpy()


def test_a_few_outliers_are_no_cluster_while_two_others_are_joined():
    """Plain average linkage keeps the ten outliers as a cluster and joins the two caps near one another."""
    for seed in range(5):
        points, classes = with_outliers(seed)
        whole = fcluster(linkage(points.double().numpy(), "average"), 4, "maxclust")
        assert np.bincount(whole).max() > 350
        labels = merged_labels(points, 4, [np.random.default_rng((seed, start)) for start in range(STARTS)])
        assert score_clusters(classes, labels.numpy()).accuracy > 0.97


def test_the_most_typical_start_is_taken():
    """A start of the same quality as the others, by its agreement with them: a repeated one wins against a different one."""
    points, _ = caps(3)
    each = [merged_labels(points, 5, [np.random.default_rng(start)]).numpy() for start in range(6)]
    agreement = np.array([[score_clusters(one, other).adjusted_rand_index for other in each] for one in each]).sum(1)
    chosen = merged_labels(points, 5, [np.random.default_rng(start) for start in range(6)]).numpy()
    assert len(set(agreement.round(9))) > 1
    np.testing.assert_array_equal(chosen, each[int(agreement.argmax())])


@pytest.mark.parametrize("number", [4, 5, 20])
def test_few_points_give_as_many_clusters_as_asked_for(number):
    points = functional.normalize(torch.randn(number, 3, generator=torch.Generator().manual_seed(number)), dim=-1)
    assert len(merged_labels(points, 4, [np.random.default_rng(0)]).unique()) == 4


def strokes(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Returns images of vertical and horizontal strokes and dots at random places, shape ``(N, 8, 8)``, and their classes."""
    generator = np.random.default_rng(seed)
    classes = np.repeat(np.arange(3), (70, 30, 20))
    images = 0.1 * generator.random((len(classes), 8, 8))
    for image, kind in zip(images, classes, strict=True):
        row, column = generator.integers(2, 5, 2)
        image[
            [slice(0, 8), slice(row, row + 2), slice(row, row + 2)][kind],
            [slice(column, column + 2), slice(0, 8), slice(column, column + 2)][kind],
        ] += 1
    return images, classes


@pytest.fixture(scope="module")
def warmed() -> SelfLabelling:
    """Returns self-labelling of the strokes after its warm-up."""
    model = SelfLabelling(strokes()[0], 3, settings=LabellingSettings(width=64, batch=60, warm_up=80, steps=1))
    model.step(model.warm_up)
    return model


def test_the_encoder_gives_the_features_of_the_warm_up(warmed):
    encoder = WarmedEncoder(warmed, 2, 16, torch.Generator().manual_seed(0))
    images = strokes()[0].reshape(120, 64)
    rows = torch.from_numpy((images - images.mean(0)) / (images - images.mean(0)).std()).float()
    result = encoder(rows)
    assert result.shape == (120, 2 * (16 + 2))
    torch.testing.assert_close(result[:, :16] / 4, warmed.features(), atol=2e-4, rtol=0)
    torch.testing.assert_close(result[:7], encoder.train()(rows[:7]), atol=1e-5, rtol=0)  # whatever the other rows of the batch
    changed = encoder.changed(rows, torch.Generator().manual_seed(1))
    assert changed.shape == rows.shape
    assert not torch.equal(changed, rows)


def test_style_has_a_standard_normal_prior():
    """The bound decreases by the divergence of the style's posterior from its prior; labels do not depend on the style."""
    plain = MixtureAutoencoder(3, 2, 1, (4,), torch.Generator().manual_seed(0))
    styled = MixtureAutoencoder(3, 2, 2, (4,), torch.Generator().manual_seed(0), style=1)
    with torch.no_grad():
        for part, other in ((plain, styled),):
            other.decoder[0].weight[:, :1], other.decoder[0].weight[:, 1:] = part.decoder[0].weight, 0.0
            other.decoder[2].weight.copy_(part.decoder[2].weight)
            other.encoder[0].weight.copy_(part.encoder[0].weight)
            other.encoder[2].weight.zero_()
            other.encoder[2].weight[[0, 2]] = part.encoder[2].weight
            other.encoder[2].bias.copy_(torch.tensor([0.0, 0.7, 0.0, -0.4]))  # the style: mean 0.7, log variance -0.4
    rows, noise = torch.randn(5, 3), torch.randn(5, 2)

    def label(scores: torch.Tensor) -> torch.Tensor:
        return scores.softmax(-1)

    normal = torch.distributions.Normal
    divergence = torch.distributions.kl_divergence(normal(0.7, float(np.exp(-0.2))), normal(0.0, 1.0))
    torch.testing.assert_close(styled(rows, noise, label), plain(rows, noise[:, :1], label) - divergence)


def test_a_warm_up_finds_what_pixels_do_not_show(warmed):
    images, classes = strokes()
    short = {"hidden": (32,), "batch_size": 60, "pretraining": 4, "epochs": 6, "latent": 4}
    scores = {}
    for start in (None, warmed):
        fit = fit_variational_clusters(images, 3, warm_up=start, **short)
        scores[start is None] = score_clusters(classes, fit.labels, fit.sizes)
        assert fit.predict(images).tolist() == fit.labels.tolist()
        assert fit.sizes.sum() == pytest.approx(120)
    assert scores[False].adjusted_rand_index > 0.9
    assert scores[False].size_error < 0.05
    assert scores[True].adjusted_rand_index < 0.7


def test_a_warm_up_of_other_images_is_refused(warmed):
    with pytest.raises(ValueError, match="warm_up must be a model of the same 119 images; it has 120"):
        fit_variational_clusters(strokes()[0][:119], 3, warm_up=warmed)
    labelled = warmed.with_prior("uniform")
    labelled.finish()
    with pytest.raises(ValueError, match="this one has labels already"):
        fit_variational_clusters(strokes()[0], 3, warm_up=labelled)
