"""Several ways into the transformer for one modality (Janus, arXiv 2410.13848, figure 2)."""

from collections.abc import Mapping

from jaxtyping import Float
from torch import Tensor, nn

from motet.embed.embed import Embed, Tokens


class Doors(Embed):
    """``made`` embeds what the modality generates; spans named in ``views``, which are only read, have their own."""

    def __init__(self, made: Embed, views: Mapping[str, Embed]):
        super().__init__()
        self.made = made
        self._views = nn.ModuleDict(views)

    @property
    def views(self) -> Mapping[str, Embed]:
        return {name: view for name, view in self._views.items() if isinstance(view, Embed)}

    def forward(self, tokens: Tokens) -> Float[Tensor, "n d"]:
        return self.made(tokens)
