"""How many factors two views share, learned from pairs alone, while one watches."""

from typing import Any

import streamlit as st

from hypergeo.figures import LIGHT
from hypergeo.ui.component.live_figure import Film
from hypergeo.ui.component.transport import follow, is_playing, position, stride, transport, transport_controls
from hypergeo.ui.limits import FACTORS, SEEDS
from hypergeo.ui.page.downloads import standalone_html
from hypergeo.ui.page.frame import open_page
from hypergeo.ui.runtime.scheduler import catch_up, live_fragment
from hypergeo.ui.shared_factors.run import SHOWN
from hypergeo.ui.shared_factors.session import PACE, chosen_settings, keep_up, run_of, view_at
from hypergeo.ui.shared_factors.settings import RULES, SHARED, STEPS, VARYING, EditList, FactorSettings, note_edits
from hypergeo.ui.shared_factors.snippet import factor_snippet
from hypergeo.ui.shared_factors.text import BIASES
from hypergeo.ui.shared_factors.view import VIEWS, FactorView
from hypergeo.ui.state.controls import Choice, Whole
from hypergeo.ui.state.page_state import PageState
from hypergeo.ui.state.presets import Preset
from hypergeo.ui.state.tours import Stop

START = FactorSettings()
STATE = PageState(
    "fac",
    {
        "view": Choice("learning", VIEWS),
        "shared": Choice("2", SHARED),
        "factors": Choice(START.factors, FACTORS.factors),
        "spare": Whole(0, 0, FACTORS.spare),
        "rule": Choice(START.rule, list(RULES)),
        "beta": Choice(START.beta, [0.5, 1.0, 2.0, 5.0, 10.0, 50.0]),
        "schedule": Choice(START.schedule, FACTORS.schedule),
        "pair": Whole(1, 1, SHOWN),
        "seed": Whole(0, *SEEDS),
        "edits": EditList(),
        **transport_controls(STEPS),
    },
)

ANEW = {"step": 0, "edits": ""}
PRESETS = [
    Preset(
        "Three shared", {**ANEW, "shared": "3"}, "AdaVAE's threshold says about the same whatever is shared; the law moves."
    ),
    Preset("One shared", {**ANEW, "shared": "1"}, "The cut has to move to the left of AdaVAE's."),
    Preset("Each pair differs", {**ANEW, "shared": VARYING}, "The weight is inferred from each pair's distances."),
    Preset("None shared", {**ANEW, "shared": "0"}, "A bias: it reads about one."),
    Preset("Two spare dimensions", {**ANEW, "spare": 2}, "Factors spread over more dimensions: numbers come out too high."),
    Preset("All unused", {**ANEW, "beta": 50.0}, "With a heavy prior nothing is worth saying: a collapse."),
]

TOUR = [
    Stop(
        "Pairs",
        "Each pair of sprites shares two of five factors: position x and y, hue, size, brightness. The model is shown pairs, "
        "and told neither which factors they share, nor how many, nor that factors exist.",
        {},
        "Rings mark what each pair shares. Nothing is learned yet: all are seen alike.",
    ),
    Stop(
        "Warm-up",
        "An encoder gives every image a posterior in five dimensions, and the closest dimensions of a pair share one. How many "
        "is drawn from Fisher's law with weight one: two or three.",
        {"step": 100},
        "Distances of the dimensions come apart. The dotted line is where the law cuts them.",
    ),
    Stop(
        "The law is let go",
        "From step 200 on the law's weight is learned: sharing a dimension saves its cost once, and sharing a wrong one spoils "
        "both images. Between the two lies the number.",
        {"step": 400},
        "Our line goes to the true one, and AdaVAE's stays above: half-way between closest and farthest is a guess.",
    ),
    Stop(
        "Exchange the shared part",
        "What a pair shares can be exchanged between its images without any change; all the rest turns one image into the "
        "other. The last row has the shared part of the next pair.",
        {"step": 400, "view": "exchange"},
        "The third row looks like the first, and the fourth like the second.",
    ),
    Stop(
        "What dimensions say",
        "One dimension after the other moves, the others stay. Nobody named the factors: that each dimension "
        "follows one of them comes from what pairs share.",
        {"step": 400, "view": "traversals"},
        "A dot marks dimensions that this pair is said to share.",
    ),
]

frame = open_page(
    STATE,
    "How much do two views share?",
    "A model sees pairs of sprites that share some of their factors. How many dimensions it lets them share is drawn from the "
    "law, whose weight it learns. **Press *Play***, or the space bar, and watch the law find the number; S makes one step.",
    TOUR,
)

picture, controls = st.columns([3, 1], gap="medium")
values: dict[str, Any] = {}
with controls:
    pairs, model = st.tabs(["Pairs", "Model"])
    with pairs, st.container(gap="xsmall"):
        values["shared"] = STATE.choose(
            "shared", "Factors that a pair shares", help="May be changed while it plays: the law has to follow."
        )
        values["factors"] = STATE.segments("factors", "Factors of an image")
        values["pair"] = STATE.slider("pair", "Pair of the traversals")
        values["seed"] = STATE.number("seed", "Seed", help="Of the networks, the pairs and every draw.")
        st.caption("What pairs share may be changed while it plays. All else starts anew.")
    with model, st.container(gap="xsmall"):
        values["rule"] = STATE.choose("rule", "How many are shared, by", help="The true number is the oracle: it sees labels.")
        values["spare"] = STATE.slider("spare", "Dimensions beyond the factors")
        values["beta"] = STATE.steps("beta", "Weight of the prior, β")
        values["schedule"] = STATE.steps(
            "schedule", "Length of the schedule", help="The first 200 steps are warm-up, or a quarter if that is less."
        )
with picture:
    values["view"] = STATE.segments("view", "View", bare=True)
frame.mended(values)

asked = {**{name: control.default for name, control in STATE.controls.items()}, **values}
settings = chosen_settings(asked)
run = run_of(settings)
step = position(STATE, of=settings)
plan = note_edits(STATE, asked["shared"], step, of=settings)


def seen(step: int) -> FactorView:
    """What there is to see after so many steps."""
    return view_at(run, step, plan, asked["view"], asked["pair"])


@live_fragment
def learning(film: Film) -> None:
    """What each step changes; the page itself runs again once nothing plays and it shows another step."""
    words = st.container(key="fac_figure_words")
    step = position(STATE, of=settings)
    if is_playing(STATE):
        keep_up(run.take_on(step, plan, stride(STATE)))
    else:
        catch_up(run.take_on(step, plan), "Training")
    step = transport(STATE, of=settings, film=film, speeds=PACE, leap=("+100", 100))
    words.markdown(seen(step).live())
    follow(STATE, film, step)


with picture:
    catch_up(run.take_on(step, plan), "Training")
    learning(frame.film(seen, step, key="fac_figure"))
    st.caption(
        "Dark: the truth. Blue: the law, fitted to the last steps' pairs, and its cut (dotted). Orange, dashed or diamonds: "
        "AdaVAE's threshold on the same distances. Short strokes: the law before learning."
    )
    if plan.edits:
        st.caption(plan.in_words())
        st.button("Forget these changes", key="_fac_forget", on_click=STATE.set, args=({"edits": ""},))

step = STATE.get("step")
view = seen(step)
code = factor_snippet(settings, plan, step)
frame.told(view.sentences(), PRESETS)
frame.table(view.table, alt="What each pair shares, and what is taken for shared", caption=f"After {step} steps.")
frame.formulas(
    r"""
**The model.** An encoder gives each image $x_i$ of a pair a normal posterior $q_i = \mathcal N(\mu_i, \sigma_i^2)$ in $d$
dimensions, a decoder $g$ makes images of draws $z$ (a variational autoencoder; Kingma and Welling, ICLR 2014). The distance
of both views in dimension $j$ is
$\delta_j = \tfrac12 \mathrm{KL}(q_{1j} \Vert q_{2j}) + \tfrac12 \mathrm{KL}(q_{2j} \Vert q_{1j})$.

**The number** $k$ of shared dimensions follows Fisher's noncentral hypergeometric law with $d$ drawn from two groups of $d$,
shared and not,

$$p(k) \propto \binom{d}{k} \binom{d}{d-k} w^k ,$$

whose weight $w$ a small network infers from the sorted distances of the pair, or is one for all. The $k$ closest dimensions
share the normalised product of both posteriors, with one draw (Sutter, Manduchi, Ryser and Vogt, ICLR 2023, section 5.2). A
step draws a relaxed $k$ whose temperature falls from 1 to 0.1.

**The loss** is, with gates $s_j$ from 0 to 1 that open for the closest dimensions and $\bar q$ for the product,

$$\sum_i \frac{\lVert x_i - g(z_i) \rVert^2}{2 \cdot 0.42^2}
+ \beta \sum_j \Big[(1 - s_j) \sum_i \mathrm{KL}(q_{ij} \Vert p) + s_j\, \mathrm{KL}(\bar q_j \Vert p)\Big]
+ \lambda\, \mathrm{KL}\big(p(k) \,\Vert\, \text{even}\big):$$

a shared posterior is paid for once. $\lambda$ is 0.4 on this page. In the warm-up $w = 1$.

**The bars** are Fisher's law with the mean number of the pairs of the last hundred steps, which is its maximum-likelihood fit
to them; the number that is said is its most probable one.

**AdaVAE** takes a dimension for shared where $\delta_j < \tfrac12 (\min_j \delta_j + \max_j \delta_j)$ (Locatello and others,
ICML 2020, section 5). A dimension is called **unused** where its posteriors are within 0.1 nats of the prior on average; all,
or none, is called shared where more than nine in ten pairs are said to share all, or none.
"""
    + "\n"
    + BIASES
)
frame.code(code)
frame.take_away(
    {**values, "step": step, "speed": STATE.get("speed"), "edits": STATE.get("edits")},
    "shared_factors",
    csv=view.export,
    html=lambda: standalone_html(view.figure(LIGHT), "How much do two views share?"),
    code=code,
)
