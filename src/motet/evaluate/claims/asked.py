"""Questions about pictures: which documents ask one, what a question gives away by itself, and what is answered."""

from collections import Counter
from collections.abc import Sequence

from motet.data.document import Document
from motet.evaluate.captions import matches
from motet.pipeline import Pipeline, Prompt


def questions(documents: Sequence[Document]) -> list[Document]:
    """Those of a picture, a question and its answer."""
    return [one for one in documents if [part.modality for part in one.parts] == ["image", "text", "text"]]


def answered_blindly(train: Sequence[Document], asked: Sequence[Document]) -> float | None:
    """The share of ``asked`` whose answer is the commonest in training to the same words, else to any.

    None if either has no question.
    """
    known: dict[str, Counter[str]] = {}
    anyhow: Counter[str] = Counter()
    for question, answer in map(_words, questions(train)):
        known.setdefault(question, Counter())[answer] += 1
        anyhow[answer] += 1
    told = [_words(document) for document in questions(asked)]
    if not told or not anyhow:
        return None
    right = [known.get(question, anyhow).most_common(1)[0][0] == answer for question, answer in told]
    return sum(right) / len(right)


def answered(pipeline: Pipeline, asked: Sequence[Document]) -> list[bool]:
    """Whether the model answers each question to the letter."""
    prompts: list[Prompt] = [(document.parts[0].load(), _words(document)[0]) for document in asked]
    written = [str(answer[0]) for answer in pipeline.generate_many(prompts, want="text")]
    return matches(written, [_words(document)[1] for document in asked])


def _words(document: Document) -> tuple[str, str]:
    """A question with its answer."""
    return str(document.parts[1].value), str(document.parts[2].value)
