"""How well a run edits: drawn from a picture and an instruction, held against the true picture after them.

python docs/bench/edits.py runs/puma-scenes --scales 1 2 3 4 -o edits.png
"""

import argparse
from dataclasses import replace
from pathlib import Path

from PIL import Image

from motet.data.corpus import Corpus
from motet.data.document import Document
from motet.data.evenly import evenly
from motet.data.scenes.item import item_of
from motet.data.source import open_source
from motet.data.strips import strips
from motet.evaluate.compare.edits import edit_numbers, is_edit
from motet.evaluate.judge.judge import load_judge
from motet.evaluate.judged import IMAGE, to_uint8
from motet.pipeline import Pipeline, Prompt
from motet.recipes.run import load
from motet.types import Raw

SPEC = "scenes:kind=edits,level=1-2,size=32,lattice=8,n=4000"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", default=SPEC, help=f"documents of a picture, an instruction and a picture [{SPEC}]")
    parser.add_argument("--scales", type=int, nargs="+", default=[0], help="scales of a pyramid that are drawn; 0: all")
    parser.add_argument("-n", type=int, default=192, help="held-out edits")
    parser.add_argument("-o", "--out", type=Path, help="a picture of some: given, edited, true")
    args = parser.parse_args()
    model = load(args.run)
    height, width = model.model.modality(IMAGE).size
    corpus = Corpus.of(open_source(args.data), (height, width))
    edits = evenly([document for document in corpus.held_out.documents if is_edit(document)], args.n)
    if edits[0].id.startswith("scenes/"):
        own = load_judge(item_of(edits[0].id).address.sprites).accuracy(min(height, width))["clean"]
        print("the judge reads real renders rightly: " + ", ".join(f"{one.category} {one.reads:.1%}" for one in own))
    for scales in args.scales:
        drawn, bound = edited(model, edits, scales), rebuilt(model, edits, scales)
        for name, pictures in (("edited", drawn), ("true ones through the codec", bound)):
            numbers = edit_numbers(edits, to_uint8(pictures))
            print(f"scales {scales}, {name}: " + ", ".join(f"{key} {value:.3f}" for key, value in numbers.items()))
    if args.out is not None:
        shown = [(edits[i], picture(drawn[i])) for i in evenly(range(len(edits)), 12)]
        rows = [(str(edit.parts[1].value), [given(edit), made, true(edit)]) for edit, made in shown]
        strips(rows, args.out)


def edited(model: Pipeline, edits: list[Document], scales: int) -> list[Raw]:
    """The model's picture for each; number i is drawn under seed i."""
    sampling = replace(model.sampling, scales=scales)
    prompts: list[Prompt] = [(given(document), str(document.parts[1].value)) for document in edits]
    made = Pipeline(model.model, sampling).generate_many(prompts, want=IMAGE)
    return [answer[0] for answer in made]


def rebuilt(model: Pipeline, edits: list[Document], scales: int) -> list[Raw]:
    """The true pictures as far as the codec and so many scales tell them: the best that could be drawn."""
    codec, factorise = model.model.modality(IMAGE).codec, model.model.modality(IMAGE).factorise
    encoded = codec.encode_many([true(document) for document in edits])
    values = [factorise.drawable(codec.means(one), grid, scales) for one, grid in encoded]
    return codec.decode_many(values, encoded[0][1])


def given(document: Document) -> Image.Image:
    return picture(document.parts[0].load())


def true(document: Document) -> Image.Image:
    return picture(document.parts[2].load())


def picture(raw: Raw) -> Image.Image:
    assert isinstance(raw, Image.Image)
    return raw


if __name__ == "__main__":
    main()
