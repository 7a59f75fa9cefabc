"""Holds our MTP reference against transformers' MtpModel (its drafting module), given the same weights and inputs.

Knows both modules' parameter names; computes nothing that is stored.
"""

import torch
from transformers.modeling_layers import MtpModel

TOLERANCE = 1e-5


@torch.no_grad()
def assert_matches_transformers_mtp(model, batch):
    """Raises unless both modules map the same (hidden, next ids) to the same logits.

    transformers rotates with the positions of the embedded token (1..T-1), ours with those of the hidden state
    (0..T-2): scores depend on differences only, so agreement up to rounding also shows that the choice is free.
    """
    theirs = MtpModel(model.main, 1)
    renamed = {}
    for name, tensor in model.mtp.state_dict().items():
        name = name.replace("shared_head.norm", "post_norm")
        renamed[name.replace("block.", "mtp_block.", 1) if name.startswith("block.") else name] = tensor
    theirs.layers[0].load_state_dict(renamed, strict=True)
    for ids, _targets in batch:
        ids = ids.unsqueeze(0)
        ours = model(ids)[1]
        hidden = captured_hidden(model, ids)[:, :-1]
        position_ids = torch.arange(1, ids.shape[1]).unsqueeze(0)
        ahead = theirs.forward_layer(0, hidden, position_ids, None, input_ids=ids[:, 1:])
        difference = (model.main.lm_head(ahead) - ours).abs().max().item()
        if difference > TOLERANCE:
            raise RuntimeError(f"MTP logits differ from transformers' MtpModel by {difference:.2e}")


def captured_hidden(model, ids):
    """`hidden_states[-1]` of transformers is the post-norm state; [-1] of the layers' own outputs is the pre-
    norm one.
    """
    outputs = model.main.model(input_ids=ids, output_hidden_states=True)
    if model.hidden_source == "post_norm":
        return outputs.hidden_states[-1]
    states = []
    hook = model.main.model.layers[-1].register_forward_hook(lambda _module, _args, output: states.append(output))
    model.main.model(input_ids=ids)
    hook.remove()
    return states[0]
