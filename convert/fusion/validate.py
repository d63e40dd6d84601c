"""How good a fitted fusion is on set-ups that it was not fitted to."""

from collections.abc import Sequence

import numpy as np

from appliance.estimate.fusion_rule import Fused, by_study
from appliance.estimate.learned_fusion import FittedOn, LearnedFusion
from convert.fusion.fit import fit
from convert.fusion.wells import Well


def learn(wells: Sequence[Well], weights_sha256: dict[str, str]) -> LearnedFusion:
    """Fit a fusion to wells, and tell how good it is where it was not fitted; raises `ConvertError`."""
    return _learn(wells, weights_sha256, fitted_on(wells, weights_sha256))


def fitted_on(wells: Sequence[Well], weights_sha256: dict[str, str]) -> tuple[FittedOn, ...]:
    """Return the figures of each source, every set-up read by a fusion that was fitted to the others."""
    fused: dict[int, Fused] = {}
    for source, set_up in dict.fromkeys((well.source, well.set_up) for well in wells):
        out = [i for i, well in enumerate(wells) if (well.source, well.set_up) == (source, set_up)]
        others = [well for well in wells if (well.source, well.set_up) != (source, set_up)]
        fusion = _learn(others, weights_sha256)
        fused |= {i: fusion.join(wells[i].estimates, wells[i].kind) for i in out}
    return tuple(
        _figures(source, [(wells[i], fused[i]) for i in sorted(fused) if wells[i].source == source])
        for source in dict.fromkeys(well.source for well in wells)
    )


def _learn(
    wells: Sequence[Well], weights_sha256: dict[str, str], figures: tuple[FittedOn, ...] = ()
) -> LearnedFusion:
    solid, liquid = fit(wells)
    return LearnedFusion(weights_sha256=weights_sha256, solid=solid, liquid=liquid, fitted_on=figures)


def _figures(source: str, read: Sequence[tuple[Well, Fused]]) -> FittedOn:
    off = np.array([abs(one.estimate.leftover - well.true) for well, one in read])
    sigma = np.array([one.estimate.uncertainty for _, one in read])
    study = [abs(by_study(well.estimates, well.kind).estimate.leftover - well.true) for well, _ in read]
    return FittedOn(
        source=source,
        set_ups=tuple(dict.fromkeys(well.set_up for well, _ in read)),
        wells=len(read),
        study=round(100 * float(np.mean(study)), 2),
        cross_validated=round(100 * float(off.mean()), 2),
        within_1_sigma=round(float((off <= sigma).mean()), 3),
        within_2_sigma=round(float((off <= 2 * sigma).mean()), 3),
    )
