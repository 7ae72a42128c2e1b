"""Gradient estimates against the exact gradient: arrows, descents, bias and spread, and a race."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from hypergeo.figures import LIGHT, STREAMLIT
from hypergeo.ui.component.live_figure import Film
from hypergeo.ui.component.transport import follow, position, transport, transport_controls
from hypergeo.ui.convergence.arrays import TEMPERATURES
from hypergeo.ui.gradients.arrays import LENGTH, DescentView
from hypergeo.ui.gradients.estimators import KINDS
from hypergeo.ui.gradients.losses import LOSSES
from hypergeo.ui.gradients.race_view import RaceView
from hypergeo.ui.gradients.settings import Settings
from hypergeo.ui.gradients.side_by_side_view import SideBySide
from hypergeo.ui.gradients.snippet import curve_snippet, descent_snippet, race_snippet, side_by_side_snippet
from hypergeo.ui.gradients.temperature_view import TemperatureView
from hypergeo.ui.gradients.text import ARROW_WORDS
from hypergeo.ui.limits import GRADIENTS, SEEDS
from hypergeo.ui.page.downloads import standalone_html
from hypergeo.ui.page.frame import open_page
from hypergeo.ui.page.urn_editor import swatch, urn_controls, urn_editor
from hypergeo.ui.runtime.scheduler import catch_up, live_fragment
from hypergeo.ui.state.controls import Choice, Whole
from hypergeo.ui.state.page_state import PageState
from hypergeo.ui.state.presets import Preset
from hypergeo.ui.state.tours import Stop

GROUPS = GRADIENTS.urn.groups
STATE = PageState(
    "grad",
    {
        "view": Choice("descent", ["descent", "side by side", "temperature", "race"]),
        **urn_controls(sizes=[12, 12, 12], weights=[1.0, 2.0, 4.0], drawn=12, within=GRADIENTS.urn),
        "loss": Choice("squared distance", LOSSES),
        **{f"t{group}": Whole(target, 0, GRADIENTS.urn.size) for group, target in enumerate((7, 4, 1, 0, 0), 1)},
        "group": Whole(1, 1, GROUPS),
        "estimator": Choice("straight-through", KINDS),
        "tau": Choice(0.56, TEMPERATURES),
        "conditionals": Choice("exact", ["exact", "merged"]),
        "draws": Choice(4, GRADIENTS.draws),
        "number": Choice(200, GRADIENTS.estimates),
        "optimizer": Choice("Adam", ["Adam", "plain"]),
        "rate": Choice(0.1, [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0]),
        "seed": Whole(0, *SEEDS),
        **transport_controls(LENGTH),
    },
)


def three(w: tuple[float, float, float], n: int, t: tuple[int, int, int], **more: object) -> dict[str, object]:
    """A preset of three groups of twelve."""
    groups = {f"w{k}": weight for k, weight in enumerate(w, 1)} | {f"m{k}": 12 for k in range(1, 4)}
    return {"groups": 3, "n": n, **groups, **{f"t{k}": target for k, target in enumerate(t, 1)}, **more}


START = three((1.0, 2.0, 4.0), 12, (7, 4, 1))
PUBLISHED = three((1.0, 10.0, 1.0), 18, (9, 6, 3), conditionals="merged", loss="squared distance", estimator="straight-through")
RARE = {**START, "loss": "step", "group": 1, "t1": 8}
PRESETS = [
    Preset(
        "Reach the targets",
        {**START, "view": "descent", "loss": "squared distance", "estimator": "straight-through", "tau": 0.56, "step": 0},
        "The start of the page: from weights that favour group 3 to counts that favour group 1.",
    ),
    Preset(
        "Hot: biased",
        {
            **START,
            "view": "descent",
            "loss": "absolute distance",
            "estimator": "Gumbel-softmax",
            "tau": 5.6,
            "conditionals": "exact",
        },
        "Every arrow is nearly the same, and all are wrong: hot samples answer weakly, and elsewhere.",
    ),
    Preset(
        "Cold: noisy",
        {**START, "view": "descent", "loss": "squared distance", "estimator": "Gumbel-softmax", "tau": 0.024},
        "Right on average, but a few arrows are huge and most say little.",
    ),
    Preset(
        "The published rule", {**PUBLISHED, "view": "side by side"}, "Merged conditionals: the mean arrow leaves the outline."
    ),
    Preset(
        "A loss with a step",
        {**START, "view": "side by side", "loss": "step", "group": 1, "t1": 3},
        "Flat wherever it has a slope: four of the estimators say nothing at all, two see it.",
    ),
    Preset(
        "A rare success",
        {**RARE, "view": "descent", "estimator": "score function", "draws": 4},
        "The loss changes once in hundreds of draws: the score function is right on average, and useless for a long time.",
    ),
    Preset(
        "Few groups",
        {**START, "view": "race", "loss": "few groups", "step": 20},
        "A concave loss: everything should come from one group. Which one, noise may decide.",
    ),
    Preset(
        "Who is fastest?",
        {**START, "view": "race", "loss": "absolute distance", "step": 20},
        "All estimators from one start with one seed, against steps and against what they cost.",
    ),
    Preset(
        "Four groups",
        {
            **START,
            "groups": 4,
            "m4": 12,
            "w4": 4.0,
            "t2": 3,
            "t4": 1,
            "view": "descent",
            "loss": "squared distance",
            "estimator": "straight-through",
        },
        "More than three groups do not fit a triangle: groups 1 and 2 are shown.",
    ),
]

TOUR = [
    Stop(
        "Guesses",
        "The urn favours group 3, and the targets group 1: which way should the weights move? Each thin arrow is one estimate "
        "from four draws. An arrow towards a corner says: raise that group's weight.",
        {"number": 50},
        "The arrows differ a lot. The filled one is their mean.",
    ),
    Stop(
        "The truth",
        "The law is an exponential family, so that the gradient of any expected loss is a covariance, Cov(f(x), x), and can be "
        "computed. It is the outlined arrow: no estimate is needed to draw it, and every estimate can be held against it.",
        {"number": 1000},
        "With 1000 estimates the filled arrow fills the outline: what is left of it is bias.",
    ),
    Stop(
        "Descent",
        "Forty steps of Adam, each by one estimate from four draws. The pink line is where the mean counts went, the dashed "
        "one where the exact gradient would have taken them.",
        {"step": 40},
        "Press Play to go on. Near the goal the gradient fades and its noise does not.",
    ),
    Stop(
        "Cold is noisy, hot is biased",
        "A relaxation has a temperature. Cold, its estimates are right on average and spread widely; hot, they agree with "
        "each other, on something else. The error of a single estimate is least in between.",
        {"view": "temperature", "loss": "absolute distance"},
        "The right panel: each relaxing estimator has a valley. The level lines need no temperature.",
    ),
    Stop(
        "Side by side",
        "Seven estimators and the exact sum on the same question. The dotted ellipse is where one estimate falls to within one "
        "standard deviation.",
        {"view": "side by side", "loss": "absolute distance"},
        "Control variate and exact marginal have the narrowest ellipses; the score function the widest.",
    ),
    Stop(
        "A rule that is not exact",
        "The published sampler treats the groups that remain as one of their mean weight. With unequal weights it draws from "
        "another law, and its gradient is another law's.",
        {**PUBLISHED, "view": "side by side"},
        "The merged rule's filled arrows do not fit the outline, and no number of draws changes that.",
    ),
    Stop(
        "Nothing to follow",
        "A step loss asks whether group 1 reaches three. Between whole numbers it is flat, so whatever differentiates it finds "
        "nothing; only estimators that compare whole draws see the step.",
        {"view": "race", "loss": "step", "t1": 3, "step": 20},
        "Five lines do not move at all. Score function and control variate descend.",
    ),
]

frame = open_page(
    STATE,
    "Every gradient estimate, held against the exact one",
    "Thin arrows are single estimates, the filled one is their mean, the outlined one is exact. In *descent* and *race*, "
    "**Play** (space; S steps) descends.",
    TOUR,
)

picture, controls = st.columns([3, 1], gap="medium")

with controls:
    gradient, aim, urn = st.tabs(["Gradient", "Loss", "Urn"])
    with urn, st.container(gap="xsmall"):
        values = urn_editor(STATE)
    with gradient, st.container(gap="xsmall"):
        values["estimator"] = STATE.choose("estimator", "Estimator", help="What descent follows; the glossary has each.")
        values["tau"] = STATE.steps("tau", "Temperature, τ", help="Of Gumbel-softmax and straight-through.")
        values["conditionals"] = STATE.segments(
            "conditionals",
            "Conditionals",
            help="Of Gumbel-softmax and straight-through. Exact: as implemented here. Merged: the published rule.",
        )
        with st.container(horizontal=True, gap="small", wrap=False):
            values["draws"] = STATE.steps("draws", "Draws each", help="Draws from the urn for each estimate, and each step.")
            values["number"] = STATE.steps("number", "Estimates", help="Independent estimates, to see their spread and mean.")
        with st.container(horizontal=True, gap="small", wrap=False):
            values["optimizer"] = STATE.segments("optimizer", "Descent")
            values["rate"] = STATE.steps("rate", "Rate", help="Learning rate.")
        values["seed"] = STATE.number("seed", "Seed")
    with aim, st.container(gap="xsmall"):
        values["loss"] = STATE.choose(
            "loss",
            "Loss of a draw",
            help="Distances to the targets; Σ log(1 + count), small where few groups give all; or whether a group misses its "
            "target.",
        )
        for group in range(values["groups"]):
            values[f"t{group + 1}"] = STATE.slider(f"t{group + 1}", f"{swatch(group)} Target {group + 1}")
        values["group"] = STATE.number("group", "Group of the step", help="Whose target the step loss is about.")
with picture:
    values["view"] = STATE.segments("view", "View", bare=True)
frame.mended(values)


def good_settings() -> Settings:
    """What the controls ask for, or the last urn that could be drawn from, with the core's own words on why."""
    asked = {**{f"t{group}": 0 for group in range(1, GROUPS + 1)}, **values}
    try:
        settings = Settings.of(asked)
        settings.task.urn.law()
    except ValueError as error:
        st.error(f"{error} The last urn that could be drawn from is kept below.", icon=":material/error:")
        default = {name: control.default for name, control in STATE.controls.items()}
        return Settings.of({**asked, **st.session_state.get("_grad_urn", default)})
    st.session_state["_grad_urn"] = {name: asked[name] for name in asked if name[0] in "wmtn" or name == "groups"}
    return settings


@live_fragment
def descending(seen: Callable[[int], DescentView | RaceView], settings: Settings, film: Film) -> None:
    """What each step changes; the page itself runs again once nothing plays and it shows another step."""
    catch_up(seen(position(STATE, of=settings)).work(), "Making the steps")
    step = transport(STATE, of=settings, film=film)
    st.container(key="grad_figure_words").markdown(seen(step).live())
    follow(STATE, film, step)


with picture:
    settings = good_settings()
    step = STATE.get("step")
    view: DescentView | RaceView | SideBySide | TemperatureView
    if values["view"] in ("descent", "race"):
        seen = partial(RaceView if values["view"] == "race" else DescentView, settings)
        step = position(STATE, of=settings)
        catch_up(seen(step).work(), "Making the steps")
        descending(seen, settings, frame.film(seen, step, key="grad_figure", low=frame.where.present))
        if values["view"] == "descent":
            st.caption(ARROW_WORDS)
        view = seen(step)
        code = race_snippet(settings, step) if values["view"] == "race" else descent_snippet(settings, step)
    else:
        view = SideBySide(settings) if values["view"] == "side by side" else TemperatureView(settings)
        catch_up(view.work(), "Estimating")
        code = side_by_side_snippet(settings) if values["view"] == "side by side" else curve_snippet(settings)
        frame.chart(view.figure(STREAMLIT, narrow=frame.where.narrow), key="grad_figure", alt=view.alt())
        st.markdown(view.words())

frame.told(view.sentences(), PRESETS)
frame.table(view.table, alt=view.about_table(), caption=view.about_table() + ".")
frame.formulas(
    r"""
An urn holds $K$ groups of $m_k$ elements with weight $w_k$, $n$ leave it, and $f$ is the loss of their counts $x$. What is
minimised is the expected loss $F(\log w) = \mathbb E[f(x)]$ under Fisher's noncentral hypergeometric law.

**The exact gradient.** The law is an exponential family in $\log w$, so that the score is $x - \mathbb E[x]$ and

$$\frac{\partial F}{\partial \log w_k} = \mathbb E\big[f(x)\,(x_k - \mathbb E[x_k])\big] = \mathrm{Cov}\big(f(x), x_k\big).$$

Its components add up to zero, since scaling all weights by one factor changes nothing: for three groups it lies in the plane
of the triangle, and is drawn there as it is, turned downhill. All losses of this page are sums over the groups,
$f(x) = \sum_k f_k(x_k)$, so that their expectations follow from the marginals at any size.

**Score function** (REINFORCE; Williams, *Machine Learning* 8, 1992), with the mean of the other draws' losses as each draw's
baseline (RLOO; Kool, van Hoof and Welling, ICLR 2019 workshop), which needs two draws or more:

$$\hat g = \frac1S \sum_s \Big(f(x^s) - \frac1{S-1} \sum_{r \ne s} f(x^r)\Big)\,(x^s - \mathbb E[x]).$$

**Gumbel-softmax** (Jang, Gu and Poole; Maddison, Mnih and Teh; both ICLR 2017): $f$ is evaluated at relaxed counts
$x(\log w, \text{noise})$ of temperature $\tau$ and differentiated through them. **Straight-through** (Bengio, Léonard and
Courville, 2013) evaluates $f$ and its slope at whole counts instead,
$\hat g = (\partial x / \partial \log w)^{\!\top} \nabla f$.
*Merged* conditionals are the published sampler's (Sutter, Manduchi, Ryser and Vogt, ICLR 2023, section 4).

**Exact marginal** (SIMPLE; Ahmed, Zeng, Niepert and Van den Broeck, ICLR 2023): the slope at whole counts, through the exact
mean, whose Jacobian is the covariance: $\hat g = \frac1S \sum_s \mathrm{Cov}(x)\, \nabla f(x^s)$.

**Control variate** (MuProp; Gu, Levine, Sutskever and Mnih, ICLR 2016, here to second order): with a polynomial $q$ that
follows $f$ around the mean, $\hat g = \nabla\, \mathbb E[q] + \widehat{\nabla\, \mathbb E[f - q]}$, the first exactly, the
second by the score function. Without bias for any $q$; for a squared distance nothing is left to estimate.

**Bias** is the length of the mean estimate's error, less what its noise adds; **spread** the root of the summed variances of
one estimate. Both are in lengths of the exact gradient. A bias is called one where noise would reach so far once in ten
thousand times. **Adam**: Kingma and Ba, ICLR 2015. *Few groups* is the log-sum penalty $\sum_k \log(1 + x_k)$ (Candès, Wakin
and Boyd, *Journal of Fourier Analysis and Applications* 14, 2008).
"""
)
frame.code(code)
frame.take_away(
    {**values, "step": step, "speed": STATE.get("speed")},
    "gradients",
    csv=view.export,
    html=lambda: standalone_html(view.figure(LIGHT), "Every gradient estimate, held against the exact one"),
    code=code,
)
