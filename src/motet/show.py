"""What `motet show` prints of a recipe: its paper, knobs, parameters by part and layout, and the mask of a packed row.

No weight is trained or even drawn for it, so that the paper's own size shows nearly as quickly as
a tiny one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageDraw
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text
from torch import nn

from motet.codecs.text import TextCodec
from motet.config import describe
from motet.data.corpus import Corpus, Split
from motet.data.document import Document, Part, load_checked
from motet.data.evenly import evenly
from motet.data.orders import Ordering, drawn
from motet.data.picture_file import check_place, save
from motet.data.source import open_source
from motet.errors import MissingExtra
from motet.mask_picture import Row, mask_picture
from motet.model import TEXT, Model
from motet.pipeline import Pipeline
from motet.recipes.recipe import Recipe
from motet.recipes.weightless import weightless
from motet.sequence import NO_DOCUMENT, Packed, Span, pack

STYLES = {TEXT: "bold white on blue", "mark": "white on grey35"}
OTHER_STYLE = "bold white on dark_orange3"
_TITLE: dict[str, Any] = {"title_justify": "left", "title_style": "bold"}
_TOKENS = 100  # a mask with more than these, or with six documents, is full
_DOCUMENTS = 6


@dataclass(frozen=True)
class Sketch:
    """A recipe's model without weights, and some documents of real data, laid as training lays them."""

    model: Model
    documents: list[list[Span]]
    data: str

    @staticmethod
    def of(recipe: Recipe, data: str | None = None) -> "Sketch":
        """``data``: a spec; None: the emoji data if it is installed, else drawn examples.

        Raises DataError for a spec that cannot be opened, or a document that cannot be read.
        """
        corpus = _corpus(recipe, data)
        model = weightless(recipe, _filled_up(recipe, recipe.text_codec(corpus)))
        pipeline, orders = Pipeline(model, recipe.sampling), (drawn, recipe.describing())
        return Sketch(model, _laid(pipeline, corpus.train.documents, orders), corpus.name)


def _laid(pipeline: Pipeline, documents: Sequence[Document], orders: Sequence[Ordering]) -> list[list[Span]]:
    """Documents from all over the data, in each order by turns, as many as a mask can show."""
    rng = torch.Generator().manual_seed(0)
    laid: list[list[Span]] = []
    for number, document in enumerate(evenly(documents, 4 * _DOCUMENTS)):
        segments = pipeline.encode([value for _, value in load_checked(document)])
        learned = [replace(one, learn=part.learn) for one, part in zip(segments, document.parts, strict=True)]
        laid.append(pipeline.model.arrange(orders[number % len(orders)](learned), rng))
        if len(laid) >= 2 and (len(laid) >= _DOCUMENTS or sum(len(s) for d in laid for s in d) >= _TOKENS):
            break
    return laid


def show(name: str, recipe: Recipe, *, data: str | None, out: Path, console: Console) -> None:
    """Print all of it, and draw the mask into ``out``.

    Raises DataError for data that cannot be read, and before anything else for a picture that cannot be written.
    """
    check_place(out)
    console.print(Text.assemble((name, "bold"), "  ", (recipe.paper, "cyan")))
    console.print(Text(recipe.summary))
    console.print(knobs(recipe))
    sketch = Sketch.of(recipe, data)
    console.print(parameters(sketch.model))
    console.print(Text(f"Layout of a document of {sketch.data}", style="bold"))
    for spans in sketch.documents[:2]:
        console.print(layout(sketch.model, spans))
    console.print(
        Text(
            "Bold tokens are predicted: by the last public token before each, or by itself if noised or masked.", "dim"
        )
    )
    save(mask_picture(packed_row(sketch)), out)
    console.print(f"\nThe attention mask of a packed row: [bold]{escape(str(out))}[/]")


def knobs(recipe: Recipe) -> Table:
    """Every setting: name, value, type, help."""
    table = Table(title="Knobs (change them with --set name=value)", box=box.SIMPLE_HEAD, **_TITLE)
    table.add_column("name", no_wrap=True)
    table.add_column("value", overflow="fold", max_width=22)
    table.add_column("what it is")
    group = ""
    for setting in describe(recipe):
        if (head := setting.name.rpartition(".")[0]) != group:
            table.add_section()
            group = head
        about = Text.assemble(setting.help, " " * bool(setting.help), (f"({setting.type})", "dim"))
        table.add_row(setting.name, Text(_spelt(setting.value)), about)
    return table


def parameters(model: Model) -> Table:
    """Parameters by part, in the order in which a token meets them."""
    table = Table(title="Parameters", box=box.SIMPLE_HEAD, show_footer=True, **_TITLE)
    table.add_column("part", footer="in all")
    table.add_column("parameters", justify="right", footer=_count(model))
    for name in model.modalities:
        modality = model.modality(name)
        for part, module in modality.codec.named_children():
            table.add_row(f"{name} codec, {part}", _count(module))
        table.add_row(f"{name} embedding", _count(modality.embed))
    table.add_row("backbone", _count(model.backbone))
    for name in model.modalities:
        table.add_row(f"{name} head", _count(model.modality(name).head))
    return table


def layout(model: Model, spans: Sequence[Span]) -> Text:
    """A document as a line of tokens: text as it is cut, marks, and the values of other modalities in brackets."""
    line = Text()
    for span in spans:
        predicted = set() if span.predict is None else set(span.predict.at.tolist())
        if span.modality == TEXT:
            for at, token in enumerate(span.values.tolist()):
                line.append(*_word(model.text, token, predicted=at in predicted)).append(" ")
            continue
        grid = " x ".join(map(str, model.owner(span.modality).grid))
        values = "z1" if len(span) == 1 else f"z1 z2 … z{len(span)}" if len(span) > 2 else "z1 z2"
        note = "" if span.public else ", noised copy"
        if span.label is not None:
            note += f', of "{model.text.decode(span.label).strip()}"'
        line.append(f" {values} ({grid} {span.modality} values{note}) ", OTHER_STYLE if predicted else "dim").append(
            " "
        )
    return line


def packed_row(sketch: Sketch) -> Row:
    """One row of packed documents, with what its picture says about it."""
    spans = sketch.documents
    length = sum(len(span) for document in spans for span in document)
    packed = pack(spans, rows=1, length=length + max(2, length // 24))  # with some padding to see
    order = [int(doc) for doc in dict.fromkeys(packed.tags.doc[0].tolist()) if doc != NO_DOCUMENT]
    titles = [_title(sketch.model, spans[number]) for number in order]
    return Row(packed.tags[0], _modalities(packed), titles)


def _modalities(packed: Packed) -> list[str]:
    names = [""] * (packed.shape[0] * packed.shape[1])
    for name, place in packed.place.items():
        for at in place.tolist():
            names[at] = name
    return names


def _title(model: Model, spans: Sequence[Span]) -> str:
    """'"red heart", then image' in the document's order."""
    words = []
    for i, span in enumerate(spans):
        said = model.text.decode(span.values).strip() if span.modality == TEXT else ""
        if said:
            words.append(f'"{said if len(said) <= 28 else said[:27].rstrip() + "…"}"')
        elif span.modality != TEXT and (i == 0 or spans[i - 1].modality != span.modality):  # it may be several spans
            words.append(span.modality)
    return ", then ".join(words)


def _word(text: TextCodec, token: int, *, predicted: bool) -> tuple[str, str]:
    """How a text token is written, and its style."""
    said = text.decode(torch.tensor([token]))
    plain = said if said.isprintable() and "�" not in said else ""
    style = STYLES[TEXT] if plain else STYLES["mark"]
    shown = plain.replace(" ", "·") or str(text.tokenizer.id_to_token(token))
    return shown, style if predicted else style.replace("bold ", "")


def _corpus(recipe: Recipe, data: str | None) -> Corpus:
    size = (recipe.image_size, recipe.image_size)
    try:
        return Corpus.of(open_source(data or "emoji"), size)
    except MissingExtra:
        if data is not None:
            raise
        documents = tuple(_examples())
        return Corpus("drawn examples", Split(documents, size), Split(documents[:1], size))


def _examples() -> list[Document]:
    """Stand-ins where no data is installed: discs of some colours with their names."""
    made = []
    for colour in ("red", "green", "blue", "orange", "violet", "black"):
        picture = Image.new("RGB", (64, 64), "white")
        ImageDraw.Draw(picture).ellipse((8, 8, 56, 56), fill=colour)
        made.append(Document(colour, (Part("text", f"a {colour} disc"), Part("image", picture))))
    return made


def _filled_up(recipe: Recipe, text: TextCodec) -> TextCodec:
    """The codec with as many ids as the recipe asks for, where the data at hand has too few words to fill it."""
    asked = {setting.name: setting.value for setting in describe(recipe)}.get("vocab_size", 0)
    text.tokenizer.add_tokens([f"<|unused {number}|>" for number in range(asked - text.vocab_size)])
    return text


def _count(module: nn.Module) -> str:
    return f"{sum(p.numel() for p in module.parameters()):,}"


def _spelt(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)
