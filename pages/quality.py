"""Draws, gradients and observed counts against the exact law, with the verdict in words first."""

import streamlit as st

from hypergeo.figures import STREAMLIT
from hypergeo.ui.counts.panel import (
    CountsInput,
    counts_code,
    counts_controls,
    counts_files,
    counts_input,
    counts_results,
    fit_button,
)
from hypergeo.ui.counts.view import CountsView
from hypergeo.ui.page.frame import open_page
from hypergeo.ui.page.quality_take_away import take_away
from hypergeo.ui.quality.controls import COUNTS, PUBLISHED, CheckSettings, PublishedSettings, quality_controls
from hypergeo.ui.quality.fields import published_fields, report_fields
from hypergeo.ui.quality.lesson import PRESETS, TOUR
from hypergeo.ui.quality.report_view import PublishedView, ReportView, view_of
from hypergeo.ui.quality.run_panel import AskingState, plan, report_files, run_panel
from hypergeo.ui.quality.snippet import snippet

STATE = AskingState("qual", quality_controls())

frame = open_page(
    STATE,
    "How far a relaxation can be trusted, measured",
    "Draws, gradients and your own counts are held against the exact law: **the verdict in words first**, then the figures.",
    TOUR,
)

picture, controls = st.columns([3, 1], gap="medium")
given, settings = CountsInput(None), None
with picture:
    values = {"check": STATE.segments("check", "Check")}
with controls, st.container(gap="xsmall"):
    if values["check"] == COUNTS:
        given = counts_input(STATE, values)
        counts_controls(STATE, values, given)
    else:
        published = values["check"] == PUBLISHED
        values |= published_fields(STATE) if published else report_fields(STATE)
        settings = PublishedSettings.of(values) if published else CheckSettings.of(values)
frame.mended(values)

with picture:
    view: CountsView | ReportView | PublishedView | None
    if settings is None:
        view = counts_results(STATE, values, given)
    else:
        shown = run_panel(STATE, values["check"], settings, values)
        view = None if shown is None else view_of(shown.result)
    if view is None and settings is not None:
        plan(STATE, settings)
    if view is not None:
        verdict = view.sentences()
        box, icon = (st.success, "check_circle") if view.good else (st.warning, "report")
        box(verdict[0], icon=f":material/{icon}:")
        for drawing in view.drawings(STREAMLIT, narrow=frame.where.narrow):
            frame.chart(drawing.figure, key=drawing.key, alt=drawing.alt)
    if isinstance(view, CountsView):
        fit_button(STATE, view)

frame.told(verdict[1:] if view is not None else ["The verdict will be here, sentence by sentence, once there is one."], PRESETS)
if view is not None:
    frame.table(view.table, alt="The numbers behind the figures, row by row", caption=view.note)
frame.formulas(
    r"""
**Draws.** $D_k = \max_x |\hat F_k(x) - F_k(x)|$ is the Kolmogorov-Smirnov distance of group $k$, with the exact p-value
of a discrete law (Gleser, 1985). All groups together: $G = 2 \sum_x O_x \log (O_x / E_x)$ over pooled count vectors with
at least ten expected, divided by Williams' factor (1976), against $\chi^2$. Wasserstein's distance
$W_1 = \int |\hat F - F|$ is in counts, beside that of as many exact draws. Soft draws go to the nearest whole vector for
the tests.

**Gradients.** In the log weights, $\nabla E[f(x)] = \mathrm{Cov}(f(x), x)$, summed over all count vectors where they can
be listed. An estimate $g$ has bias $\lVert E[g] - \nabla \rVert$, deviation $\sqrt{\mathrm{tr}\, \mathrm{Cov}(g)}$ and,
as the mean of $N$, the error $\sqrt{\text{bias}^2 + \text{deviation}^2 / N}$: that is compared at equal evaluations and
at equal time. Bias is tested by t-tests of the components. *Gumbel-softmax* and *straight-through*: Jang, Gu and Poole,
ICLR 2017. *Exact marginal*: SIMPLE, Ahmed et al., ICLR 2023. *Score function*: Williams, 1992, with the leave-one-out
baseline of Kool et al., 2019. *Linearised control variate*: MuProp, Gu et al., ICLR 2016.

**Many tests.** All p-values of a report are corrected together (Holm, 1979): where all is right, a report raises any
false alarm in at most 1 % of cases.

**The published check.** Sutter, Manduchi, Ryser and Vogt, ICLR 2023, section 5.1, with exact p-values and Bonferroni's
correction over all tests of one kind of draws against one law.

**Fitted weights.** The law is an exponential family in $\log w$: the likelihood is concave, its gradient is observed less
expected counts, its Hessian minus the covariance. Newton's method finds its peak; intervals are Wald's, in $\log w$. Only
ratios of weights are identified, so that their geometric mean is set to one (Fog, 2008, section 6).
"""
)

code, files = None, []
if isinstance(view, CountsView):
    code = counts_code(view, values)
    files = counts_files(view, code)
elif settings is not None:
    code = snippet(settings)
    files = report_files(None if isinstance(view, CountsView) else view, code)
if code is not None:
    frame.code(code)
if not frame.where.present:
    take_away(STATE.query(values), files, counts=values["check"] == COUNTS)
