"""Random partitions: group sizes and members with exact sums and probabilities, and gradients beside the exact ones."""

from hypergeo.figures import LIGHT
from hypergeo.ui.component.controls import live_controls
from hypergeo.ui.component.live import live_part, live_room
from hypergeo.ui.component.playback import Playback
from hypergeo.ui.component.stage import stage
from hypergeo.ui.convergence.arrays import TEMPERATURES
from hypergeo.ui.page.downloads import standalone_html
from hypergeo.ui.page.frame import open_page
from hypergeo.ui.partitions.controls import controls, follow, sections, shown_values, synchronise
from hypergeo.ui.partitions.gradient_view import GradientView
from hypergeo.ui.partitions.lesson import COOLING, FORMULAS, PRESETS, TOUR
from hypergeo.ui.partitions.sample_view import SampleView, sample_view
from hypergeo.ui.partitions.settings import PartitionSettings
from hypergeo.ui.partitions.snippet import gradient_snippet, sample_snippet
from hypergeo.ui.state.page_state import PageState
from hypergeo.ui.state.presets import preset_note

STATE = PageState("part", controls(), derive=follow)

TITLE = "Random partitions: group sizes and members"
SENTENCE = (
    "Fills show a relaxed assignment of elements to groups, outlines the exact one. **Press *Cool down*** (space; S makes one "
    "step): rows become one-hot, column sums stay the same. Click an entry to raise its logit."
)
ABOUT_GRADIENTS = "First panel: the exact gradient, a sum over all assignments. Second panel: the mean of its estimates."
View = SampleView | GradientView

frame = open_page(STATE, TITLE, SENTENCE, TOUR)
STATE.segments("view", "View", bare=True, names={"sample": "one sample", "gradients": "gradients"})


def seen(settings: PartitionSettings) -> tuple[View, Playback | None]:
    """Returns the current view and its playback."""
    if STATE.get("view") == "sample":
        return sample_view(settings, settings.tau), COOLING
    return GradientView(settings), None


@live_part(STATE)
def live() -> None:
    """The figure and its controls."""
    synchronise(STATE)
    figure, knobs = live_room()
    with figure:
        settings = PartitionSettings.of(STATE.values)
        view, playback = seen(settings)

        def draw(at: int) -> View:
            return sample_view(settings, TEMPERATURES[::-1][at]) if playback else view

        stage(
            STATE, draw, playback=playback, stops=TOUR, text=SENTENCE if playback else ABOUT_GRADIENTS, note=preset_note(STATE)
        )
    with knobs:
        live_controls(STATE, sections(STATE))


live()
settings = PartitionSettings.of(STATE.values)
view, playback = seen(settings)
code = sample_snippet(settings) if playback else gradient_snippet(settings)
frame.told(view.sentences(), PRESETS)
frame.table(
    view.table,
    alt="Logits, plan and sample of each element" if playback else "Exact and estimated entries of the gradient",
    caption="Numbers of the sample at the current temperature."
    if playback
    else "Standard errors are those of the mean of the estimates.",
)
frame.formulas(FORMULAS)
frame.code(code)
frame.take_away(
    shown_values(STATE), "partitions", csv=view.export, html=lambda: standalone_html(view.figure(LIGHT), TITLE), code=code
)
