"""Cluster sizes learned by gradient descent, while one watches."""

from typing import Any

import streamlit as st

from hypergeo.figures import LIGHT
from hypergeo.ui.clusters.data import SHARES
from hypergeo.ui.clusters.edits import HAND, EditList, edits_in_words, note_edits, set_weights
from hypergeo.ui.clusters.session import chosen_data, data_lines, run_of, view_at, work_until
from hypergeo.ui.clusters.settings import LIVE, STEPS
from hypergeo.ui.clusters.snippet import cluster_snippet
from hypergeo.ui.clusters.view import ClusterView
from hypergeo.ui.component.live_figure import Film
from hypergeo.ui.component.transport import follow, position, transport, transport_controls
from hypergeo.ui.limits import CLUSTERS, SEEDS
from hypergeo.ui.page.downloads import standalone_html
from hypergeo.ui.page.frame import open_page
from hypergeo.ui.page.urn_editor import swatch
from hypergeo.ui.runtime.scheduler import catch_up, live_fragment
from hypergeo.ui.state.controls import Choice, Whole
from hypergeo.ui.state.page_state import PageState
from hypergeo.ui.state.presets import Preset
from hypergeo.ui.state.tours import Stop

SOURCES = ("clouds", "digits", "your own")
STATE = PageState(
    "clu",
    {
        "view": Choice("ours", ["ours", "side by side"]),
        "source": Choice("clouds", SOURCES),
        "clusters": Whole(4, *CLUSTERS.clusters),
        "number": Choice(400, CLUSTERS.points),
        "shares": Choice("steep", SHARES),
        "apart": Choice(4.0, [2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0]),
        "seed": Whole(0, *SEEDS),
        **LIVE,
        **{f"w{cluster}": Choice(1.0, HAND) for cluster in range(1, CLUSTERS.clusters[1] + 1)},
        "edits": EditList(),
        **transport_controls(STEPS),
    },
)

PRESETS = [
    Preset("Very uneven", {"shares": "one tiny", "clusters": 4}, "One cluster has a tenth of the points of the others."),
    Preset("Overlapping", {"apart": 2.5}, "Clouds run into each other: sizes are still found, single points less surely."),
    Preset("Known room", {"room": 40, "shares": "two large", "apart": 2.0}, "No cluster holds more than 40 % of the points."),
    Preset("Cold draws", {"tau": 0.05}, "Sizes are nearly whole, and gradients spread more."),
    Preset("Side by side, at the end", {"view": "side by side", "step": STEPS}, "All three priors after all steps: who won?"),
    Preset("Real digits", {"source": "digits", "clusters": 4, "shares": "even"}, "Handwritten digits 0 to 3 in the plane."),
]

TOUR = [
    Stop(
        "Equal sizes to begin with",
        "400 points of four clouds with sizes 213, 107, 53 and 27. The model knows none of it: every cluster starts with a "
        "hundred.",
        {},
        "Bars are what the model expects, outlines are the truth.",
    ),
    Stop(
        "A few steps",
        "Each step draws sizes from the law, assigns the points so that they fill them, and follows the gradient of the cost "
        "through the drawn sizes to the weights.",
        {"step": 20},
        "Arrows on the bars: which way the cost pulls each size. Dots: what the last steps drew.",
    ),
    Stop(
        "The bars walk to the outlines",
        "After a hundred steps weights have come apart, and sizes with them.",
        {"step": 100},
        "The lines of the log weights at the right.",
    ),
    Stop(
        "Who is ahead?",
        "The same points from the same start with three priors: the law, learned shares as in a mixture model, equal sizes.",
        {"step": STEPS, "view": "side by side"},
        "With room for everything, the law and learned shares do equally well; equal sizes cut the large cluster in pieces.",
    ),
    Stop(
        "What room is worth",
        "Where it is known how much a cluster can hold, the law keeps to it at every step; learned shares cannot know.",
        {"shares": "two large", "room": 40, "apart": 2.0, "step": STEPS, "view": "side by side"},
        "The error in the sizes above each picture. Try other seeds: one picture proves nothing.",
    ),
]

frame = open_page(
    STATE,
    "Sizes that are learned by descent",
    "Sizes are drawn from the law, points assigned to fill them, and the cost flows back to the weights. **Press *Play***, "
    "or the space bar, and watch the bars walk to the true sizes; S makes one step.",
    TOUR,
)

picture, controls = st.columns([3, 1], gap="medium")

values: dict[str, Any] = {}
with controls:
    live, points, weights = st.tabs(["Draws", "Points", "Weights"])
    with live, st.container(gap="xsmall"):
        values["tau"] = STATE.steps("tau", "Temperature, τ", help="Of the drawn sizes.")
        values["kind"] = STATE.segments("kind", "Draws", help="Soft: real sizes. Straight-through: whole ones.")
        values["conditionals"] = STATE.segments(
            "conditionals", "Conditionals", help="Exact: as implemented here. Merged: the published rule."
        )
        values["room"] = STATE.slider("room", "Room of a cluster, %", help="The most that one cluster holds, of all points.")
        st.caption("All of these may be moved while it plays.")
    with points, st.container(gap="xsmall"):
        values["source"] = STATE.segments("source", "Points")
        values["clusters"] = STATE.slider("clusters", "Number of clusters")
        own = None
        if values["source"] == "your own":
            own = st.file_uploader(
                "A CSV file: x, y, and the true class where known",
                type=["csv", "txt"],
                key="_clu_file",
                max_upload_size=CLUSTERS.megabytes,
            )
            st.caption("Stays in this session alone; a link to this page cannot hold it.")
        else:
            values["number"] = STATE.steps("number", "Number of points")
            values["shares"] = STATE.choose("shares", "True sizes")
            if values["source"] == "clouds":
                values["apart"] = STATE.steps("apart", "Distance of clouds, σ")
        values["seed"] = STATE.number("seed", "Seed", help="Of the points, the start and every draw.")
with picture:
    values["view"] = STATE.segments("view", "View", bare=True)
frame.mended(values)


asked = {**{name: control.default for name, control in STATE.controls.items()}, **values}
data, problem = chosen_data(asked, own.getvalue() if own else None)
run = run_of(data, asked["clusters"], asked["seed"])
beside = asked["view"] == "side by side"
settings, edits = note_edits(STATE, asked, STATE.get("step"), of=id(run))

with weights, st.container(gap="xsmall"):
    st.caption("Set the weights by hand at any step, and watch descent find its way back.")
    by_hand = []
    for cluster in range(run.clusters):
        values[f"w{cluster + 1}"] = STATE.steps(f"w{cluster + 1}", f"{swatch(cluster)} Weight {cluster + 1}")
        by_hand.append(values[f"w{cluster + 1}"])
    st.button("Set these weights", key="_clu_set", on_click=set_weights, args=(STATE, by_hand), width="stretch")


def seen(step: int) -> ClusterView:
    """What there is to see after so many steps."""
    return view_at(run, step, settings, edits, beside)


@live_fragment
def learning(film: Film) -> None:
    """What each step changes; the page itself runs again once nothing plays and it shows another step."""
    catch_up(work_until(run, position(STATE, of=id(run)), settings, edits, beside), "Making the steps")
    step = transport(STATE, of=id(run), film=film)
    st.container(key="clu_figure_words").markdown(seen(step).live())
    follow(STATE, film, step)


with picture:
    if problem:
        st.warning(problem, icon=":material/upload_file:")
    step = position(STATE, of=id(run))
    catch_up(work_until(run, step, settings, edits, beside), "Making the steps")
    learning(frame.film(seen, step, key="clu_figure"))
    if edits:
        st.caption(edits_in_words(edits))
        st.button("Forget these changes", key="_clu_forget", on_click=STATE.set, args=({"edits": ""},))

step = STATE.get("step")
view = seen(step)
imports, lines = data_lines(asked)
code = cluster_snippet(lines, imports, run.clusters, asked["seed"], step, settings, edits, data.classes is not None)
frame.told(view.sentences(), PRESETS)
frame.table(view.table, alt="Expected and true size, weight and centre of each cluster", caption=f"After {step} steps.")
frame.formulas(
    r"""
$N$ points $x_i$ fall into $K$ clusters of sizes $n = (n_1, \dots, n_K)$. **The sizes** have Fisher's noncentral
hypergeometric law, $p(n) \propto \prod_k \binom{m_k}{n_k} w_k^{n_k}$: cluster $k$ has room for $m_k$ points and importance
$w_k$. A step draws relaxed sizes with temperature $\tau$.

**The assignment** fills them at least cost. With $C_{ik} = -\log p(x_i \mid k)$, Gaussian clusters of one width,

$$J(n) = \min_P \sum_{ik} P_{ik} C_{ik} + P_{ik} \log \frac{P_{ik}}{n_k / N}, \qquad
\sum_k P_{ik} = 1, \quad \sum_i P_{ik} = n_k ,$$

an entropic transport problem (Cuturi, NeurIPS 2013; as self-labelling, Asano, Rupprecht and Vedaldi, ICLR 2020). Without limits
on the sizes its minimum over $n$ is the negative log-likelihood of a Gaussian mixture.

**The gradient** follows from the envelope theorem: $\partial J / \partial C = P$, and $\partial J / \partial n_k$ is the
column's potential: the arrows on the bars. It flows on through the relaxed draw to $\log w$ (Sutter, Manduchi, Ryser and Vogt,
ICLR 2023, section 5.3), and Adam takes the step (Kingma and Ba, ICLR 2015). Sizes reported are the law's mean.

**Learned shares** are a mixture model's weights, $n_k = N\, \mathrm{softmax}(\log w)_k$, without a draw; **equal sizes** are
$n_k = N / K$. The adjusted Rand index is that of Hubert and Arabie, *Journal of Classification* 2, 1985.
"""
)
frame.code(code)
frame.take_away(
    {**values, "step": step, "speed": STATE.get("speed"), "edits": STATE.get("edits")},
    "clusters",
    csv=view.export,
    html=lambda: standalone_html(view.figure(LIGHT), "Sizes that are learned by descent"),
    code=code,
)
