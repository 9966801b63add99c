"""The answer first, then the other finalists, as pictures."""

from surrogate_nas.core import SurrogateNASError
from surrogate_nas.reports import findings
from surrogate_nas.reports.markup import Html, badge, code, glyph, html, paragraph, tag
from surrogate_nas.reports.numbers import percent
from surrogate_nas.reports.run import Run
from surrogate_nas.spaces import get_space


def drawings(run: Run) -> list[Html]:
    """Write the section.

    Args:
        run: The run.
    """
    finalists = findings.finalists(run)
    try:
        space = get_space(run.space)
        rows = space.parse([finalist.architecture for finalist in finalists])
        pictures = [space.show(row).svg for row in rows]
    except SurrogateNASError as error:  # a space of the user's own is not in the catalogue
        names = [tag("li", code(f.architecture), ": ", ", ".join(label for _, label in f.labels)) for f in finalists]
        return [paragraph(f"The finalists cannot be drawn: {error}"), tag("ul", *names)]
    shown = zip(finalists, pictures, strict=True)
    return [
        paragraph("Data flow from left to right. Boxes with dashed borders pass on what they get, unchanged."),
        tag("div", *(_card(finalist, svg, first=not i) for i, (finalist, svg) in enumerate(shown)), class_="gallery"),
    ]


def _card(finalist: findings.Finalist, svg: str, *, first: bool) -> Html:
    caption = html(
        paragraph(badge("the answer")) if first else "",
        *(paragraph(glyph(kind), " ", label) for kind, label in finalist.labels),
        paragraph(f"validation {percent(finalist.val, finalist.val_std)}", class_="note"),
        paragraph(f"test {percent(finalist.test, finalist.test_std)}", class_="note"),
    )
    # Our own drawing, which escapes what it writes.
    picture = tag("div", Html(svg), class_="drawing", role="region", aria_label="Drawing", tabindex=0)
    return tag("figure", tag("figcaption", caption), picture)
