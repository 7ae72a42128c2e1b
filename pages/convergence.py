"""Relaxed samples become exact draws as the temperature falls."""

import streamlit as st

from hypergeo.figures import LIGHT, STREAMLIT
from hypergeo.ui.convergence import Settings, View, convergence_view
from hypergeo.ui.presets import Preset, preset_buttons
from hypergeo.ui.routing import served_by_app
from hypergeo.ui.share import downloads, samples_csv, share_link, standalone_html
from hypergeo.ui.snippets import convergence_snippet
from hypergeo.ui.state import Choice, PageState, Whole
from hypergeo.ui.surroundings import surroundings, watch_surroundings
from hypergeo.ui.sweep import TEMPERATURES
from hypergeo.ui.urn_editor import urn_controls, urn_editor

served_by_app()

STATE = PageState(
    "conv",
    {
        **urn_controls(sizes=[12, 12, 12], weights=[1.0, 2.0, 4.0], drawn=12),
        "tau": Choice(1.0, TEMPERATURES),
        "kind": Choice("soft", ["soft", "straight-through"]),
        "conditionals": Choice("exact", ["exact", "merged"]),
        "number": Choice(1000, [100, 200, 500, 1000, 2000, 5000]),
        "seed": Whole(0, 0, 9999),
        "follow": Whole(7, 0, 99),
    },
)


def three(w: tuple[float, float, float], m: tuple[int, int, int], n: int, **more: object) -> dict[str, object]:
    """A preset of three groups."""
    groups = {f"w{k}": weight for k, weight in enumerate(w, 1)} | {f"m{k}": size for k, size in enumerate(m, 1)}
    return {"groups": 3, "n": n, **groups, **more}


PRESETS = [
    Preset("Cold, τ = 0.01", {"tau": 0.01}, "Discs fill rings: the relaxed samples are exact draws, all but their noise."),
    Preset("Hot, τ = 10", {"tau": 10.0}, "Every sample is pulled to the middle: the law's spread is lost."),
    Preset("Equal weights", {f"w{k}": 1.0 for k in range(1, 7)}, "The central law: groups differ in size only."),
    Preset(
        "One dominant group",
        three((1.0, 10.0, 1.0), (12, 12, 12), 12),
        "Group 2 is ten times as important as the others, and takes most of what is drawn.",
    ),
    Preset(
        "The published rule",
        three((1.0, 10.0, 1.0), (12, 12, 12), 18, conditionals="merged", tau=0.01),
        "With merged conditionals the samples settle on another law: discs do not fill rings even when cold.",
    ),
    Preset(
        "Forced groups",
        three((1.0, 2.0, 4.0), (4, 10, 12), 24, conditionals="exact"),
        "Only two elements stay in the urn: most counts are forced, and samples respect it at every temperature.",
    ),
    Preset("A weight of zero", {"w1": 0.0}, "Group 1 is never drawn; samples stay on one side of the triangle."),
    Preset(
        "Straight-through",
        {"kind": "straight-through"},
        "Whole counts with exactly the right law at every temperature; gradients take the way of the soft dots.",
    ),
    Preset(
        "Five groups",
        {"groups": 5, "n": 20},
        "More than three groups do not fit a triangle: the first two are shown as a pair.",
    ),
]

st.title("Relaxed draws become exact as the temperature falls", anchor=False)
st.markdown(
    "Rings are the exact law of how many elements each group gives; discs are samples that can be differentiated. "
    "**Press *Cool down*** and watch the discs fill the rings."
)
STATE.start()
notice = st.container()

picture, controls = st.columns([3, 1], gap="medium")

with controls, st.container(gap="xsmall"):
    values = urn_editor(STATE)
    values["tau"] = STATE.steps("tau", "Temperature, τ", help="What the figure starts from and what the numbers below are of.")
    values["kind"] = STATE.segments(
        "kind", "Samples", help="Soft: real counts. Straight-through: whole counts, with the gradients of the soft ones."
    )
    values["conditionals"] = STATE.segments(
        "conditionals",
        "Conditionals",
        help="Exact: as implemented here. Merged: the published rule, which treats the groups that remain as one.",
    )
    with st.container(horizontal=True, gap="small", wrap=False):
        values["number"] = STATE.steps("number", "Samples drawn")
        values["seed"] = STATE.number("seed", "Seed")
        values["follow"] = STATE.number("follow", "Follow no.", help="Index of the sample whose path is drawn, 0 to 99.")
if mended := STATE.mended(values):
    notice.warning("  \n".join(mended), icon=":material/tune:")


def good_view() -> View:
    """What the controls ask for, or the last urn that could be drawn from, with the core's own words on why."""
    settings = Settings.of(values)
    try:
        view = convergence_view(settings)
    except ValueError as error:
        st.error(f"{error} The last urn that could be drawn from is kept below.", icon=":material/error:")
        kept = st.session_state.get("_conv_urn") or Settings.of({name: c.default for name, c in STATE.controls.items()}).urn
        return convergence_view(Settings(**{**vars(settings), "urn": kept}))
    st.session_state["_conv_urn"] = settings.urn
    return view


where = surroundings()
with picture:
    view = good_view()
    theme = "dark" if where.dark else "light"
    st.plotly_chart(
        view.figure(STREAMLIT, narrow=where.narrow, theme=theme),
        key="conv_figure",
        config={"displayModeBar": False},
        alt=view.alt(),
    )

settings, floor = view.settings, view.floor
told, tried = st.columns([3, 2], gap="large")
with told:
    st.subheader("What to notice", anchor=False)
    st.markdown("\n".join(f"- {sentence}" for sentence in view.sentences()))
with tried:
    st.subheader("Try this", anchor=False)
    preset_buttons(STATE, PRESETS)

numbers = STATE.section("table", "The numbers behind the picture", ":material/table:")
if numbers.open:
    numbers.dataframe(view.table(), hide_index=True, alt="Exact and sampled means and standard deviations of each group")
    numbers.caption("Of the samples at the temperature that the page's slider has.")

formulas = STATE.section("formulas", "The formulas", ":material/function:")
if formulas.open:
    formulas.markdown(
        r"""
An urn holds $K$ groups of $m_k$ elements with importance $w_k$; $n$ elements leave it. **The law of the counts** is
Fisher's multivariate noncentral hypergeometric law,

$$p(x) = \frac1Z \prod_k \binom{m_k}{x_k} w_k^{x_k}, \qquad \sum_k x_k = n, \quad 0 \le x_k \le m_k .$$

**Exact conditionals.** Let $a_k(x) = \binom{m_k}{x} w_k^x$, and let $A_S$ be the convolution of the $a_k$ over a set $S$ of
groups. What $S$ gives, of the $r$ elements that $S$ and $S'$ give together, has the law
$p(x \mid r) = A_S(x)\, A_{S'}(r - x) / A_{S \cup S'}(r)$. Groups are split in two, and each part again.

**The relaxation.** At each split, Gumbel noise $g_x$ is added to the log conditional, and

$$y = \mathrm{softmax}\!\left(\frac{\log p(\cdot \mid r) + g}{\tau}\right), \qquad x = \sum_j j\, y_j ,$$

kept within what the groups can give, so that samples add up to $n$ at every temperature $\tau$. As $\tau \to 0$, with the same
noise, they become exact draws. *Straight-through* takes the whole count with the greatest $\log p + g$ instead, which has
exactly the law $p$, and the gradient of the soft one.

**The distance** is Wasserstein's, $W_1 = \int |\hat F(t) - F(t)|\, dt$, between the samples and the exact law of each group,
averaged over the groups: by how many elements samples would have to be moved. Exact samples have one, too; the dashed line is
its expectation, the band what 95 % of them stay below.

*Merged* conditionals treat the groups that remain as one group of their mean weight (Sutter, Manduchi, Ryser and Vogt, ICLR
2023, section 4). Gumbel-softmax: Jang, Gu and Poole, ICLR 2017.
"""
    )

code = convergence_snippet(
    settings.urn,
    temperature=settings.tau,
    number=settings.number,
    seed=settings.seed,
    follow=settings.follow,
    straight_through=settings.straight_through,
    conditionals=settings.conditionals,
)
python = STATE.section("python", "The Python that gives these numbers", ":material/code:")
if python.open:
    python.code(code)

st.subheader("Take it with you", anchor=False)
st.caption("This link shows the same picture, to the last sample:")
share_link(STATE.query(values))
downloads(
    "convergence",
    csv=lambda: samples_csv(TEMPERATURES, *view.export()),
    html=lambda: standalone_html(view.figure(LIGHT), "Relaxed draws become exact as the temperature falls"),
    code=code,
)
watch_surroundings()
