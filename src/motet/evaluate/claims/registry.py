"""Every claim by name. Adding one is a file beside this one and a line here."""

from motet.evaluate.claims.acdit_blocks import ACDiTBlocks
from motet.evaluate.claims.acdit_cost import ACDiTCost
from motet.evaluate.claims.claim import Claim
from motet.evaluate.claims.fluid_2x2 import Fluid2x2
from motet.evaluate.claims.fluid_scale import FluidScale
from motet.evaluate.claims.janus_decoupled import JanusDecoupled
from motet.evaluate.claims.latentlm_scaling import LatentLMScaling
from motet.evaluate.claims.latentlm_sigma import LatentLMSigma
from motet.evaluate.claims.latentlm_throughput import LatentLMThroughput
from motet.evaluate.claims.latentlm_unified import LatentLMUnified
from motet.evaluate.claims.lavit_dynamic import LaVITDynamic
from motet.evaluate.claims.puma_granularity import PUMAGranularity
from motet.evaluate.claims.puma_questions import PUMAQuestions

CLAIMS: dict[str, Claim] = {
    claim.name: claim
    for claim in (
        LatentLMSigma(),
        LatentLMScaling(),
        LatentLMUnified(),
        LatentLMThroughput(),
        ACDiTBlocks(),
        ACDiTCost(),
        Fluid2x2(),
        FluidScale(),
        LaVITDynamic(),
        JanusDecoupled(),
        PUMAGranularity(),
        PUMAQuestions(),
    )
}
