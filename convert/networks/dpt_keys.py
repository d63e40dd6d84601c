"""The published DPT_Large checkpoint (isl-org/MiDaS) under the names of `transformers`."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from torch import Tensor

_CLASSIFIER: Final = "pretrained.model.head."
"""Of the ImageNet vision transformer that the network was made from; it is not used."""

_QUERY_KEY_VALUE: Final = re.compile(r"pretrained\.model\.blocks\.(\d+)\.attn\.qkv\.(weight|bias)")

_RENAMED: Final[tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...]] = (
    (r"pretrained\.model\.cls_token", "dpt.embeddings.cls_token"),
    (r"pretrained\.model\.pos_embed", "dpt.embeddings.position_embeddings"),
    (r"pretrained\.model\.patch_embed\.proj\.", "dpt.embeddings.patch_embeddings.projection."),
    (r"pretrained\.model\.norm\.", "dpt.layernorm."),
    (r"pretrained\.model\.blocks\.(\d+)\.norm1\.", r"dpt.encoder.layer.\1.layernorm_before."),
    (r"pretrained\.model\.blocks\.(\d+)\.norm2\.", r"dpt.encoder.layer.\1.layernorm_after."),
    (r"pretrained\.model\.blocks\.(\d+)\.attn\.proj\.", r"dpt.encoder.layer.\1.attention.output.dense."),
    (r"pretrained\.model\.blocks\.(\d+)\.mlp\.fc1\.", r"dpt.encoder.layer.\1.intermediate.dense."),
    (r"pretrained\.model\.blocks\.(\d+)\.mlp\.fc2\.", r"dpt.encoder.layer.\1.output.dense."),
    (
        r"pretrained\.act_postprocess(\d)\.0\.project\.0\.",
        lambda found: f"neck.reassemble_stage.readout_projects.{int(found[1]) - 1}.0.",
    ),
    (
        r"pretrained\.act_postprocess(\d)\.3\.",
        lambda found: f"neck.reassemble_stage.layers.{int(found[1]) - 1}.projection.",
    ),
    (
        r"pretrained\.act_postprocess(\d)\.4\.",
        lambda found: f"neck.reassemble_stage.layers.{int(found[1]) - 1}.resize.",
    ),
    (r"scratch\.layer(\d)_rn\.", lambda found: f"neck.convs.{int(found[1]) - 1}."),
    # Counted from the coarsest level there, from the finest here.
    (r"scratch\.refinenet(\d)\.", lambda found: f"neck.fusion_stage.layers.{4 - int(found[1])}."),
    (r"\.out_conv\.", ".projection."),
    (r"\.resConfUnit(\d)\.conv(\d)\.", r".residual_layer\1.convolution\2."),
    (r"scratch\.output_conv\.", "head.head."),
)


def to_transformers(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the published state dict with the keys of `transformers.DPTForDepthEstimation`.

    Query, key and value, one matrix there, become three; keys that nobody knows stay as they are.
    """
    renamed: dict[str, Tensor] = {}
    for key, value in state.items():
        if key.startswith(_CLASSIFIER):
            continue
        joined = _QUERY_KEY_VALUE.fullmatch(key)
        if joined:
            layer = f"dpt.encoder.layer.{joined[1]}.attention.attention"
            for name, part in zip(("query", "key", "value"), value.chunk(3), strict=True):
                renamed[f"{layer}.{name}.{joined[2]}"] = part
        else:
            renamed[_renamed(key)] = value
    return renamed


def _renamed(key: str) -> str:
    for pattern, replacement in _RENAMED:
        key = re.sub(pattern, replacement, key)
    return key
