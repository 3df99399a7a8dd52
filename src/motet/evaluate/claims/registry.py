"""Every claim by name. Adding one is a file beside this one and a line here."""

from motet.evaluate.claims.claim import Claim
from motet.evaluate.claims.latentlm_sigma import LatentLMSigma

CLAIMS: dict[str, Claim] = {claim.name: claim for claim in (LatentLMSigma(),)}
