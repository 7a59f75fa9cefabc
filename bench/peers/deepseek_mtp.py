"""Multi-token prediction on top of transformers' DeepseekV3 layers: an independent reference.

Written from DeepSeek-V3 (arXiv 2412.19437 section 2.2) and the checkpoint names; it does not use transformers'
own MtpModel, which serves only drafting. Knows nothing of files, optimisers or batching.
"""

import torch
from torch import nn
from torch.nn import functional as F
from transformers.masking_utils import create_causal_mask
from transformers.models.deepseek_v3.modeling_deepseek_v3 import DeepseekV3DecoderLayer, DeepseekV3RMSNorm

IGNORE = -100


class MtpModule(nn.Module):
    """One MTP depth: x_t = eh_proj [enorm(Emb(id_{t+1})) ; hnorm(h_t)], one decoder block, then shared_head.norm.

    The attribute names are the checkpoint's names under `model.layers.N`; block parameters sit beside them there,
    which is why `checkpoint_name` drops the `block.` prefix. Embedding and head belong to the main model.
    """

    def __init__(self, config, depth=0):
        super().__init__()
        d = config.hidden_size
        self.layer_index = config.num_hidden_layers + depth
        self.enorm = DeepseekV3RMSNorm(d, eps=config.rms_norm_eps)
        self.hnorm = DeepseekV3RMSNorm(d, eps=config.rms_norm_eps)
        self.eh_proj = nn.Linear(2 * d, d, bias=False)
        self.block = DeepseekV3DecoderLayer(config, self.layer_index)
        self.shared_head = nn.ModuleDict({"norm": DeepseekV3RMSNorm(d, eps=config.rms_norm_eps)})

    def checkpoint_name(self, name):
        return f"model.layers.{self.layer_index}.{name.removeprefix('block.')}"

    def forward(self, embeddings, hidden, position_embeddings, attention_mask, position_ids):
        x = self.eh_proj(torch.cat([self.enorm(embeddings), self.hnorm(hidden)], dim=-1))
        x = self.block(
            x, attention_mask=attention_mask, position_ids=position_ids, position_embeddings=position_embeddings
        )
        return self.shared_head["norm"](x)


class DeepseekWithMtp(nn.Module):
    """DeepseekV3ForCausalLM plus one MTP module that shares its embedding and head.

    `hidden_source` picks what the module reads from the main model: "pre_norm" is the residual stream after the last
    layer, "post_norm" the same after `model.norm` (what transformers' own drafting feeds to released weights).
    """

    def __init__(self, main, hidden_source="post_norm"):
        super().__init__()
        if hidden_source not in ("pre_norm", "post_norm"):
            raise ValueError(f"hidden_source must be pre_norm or post_norm, got {hidden_source}")
        self.main = main
        self.mtp = MtpModule(main.config)
        self.hidden_source = hidden_source

    def forward(self, ids):
        """ids [B, T] -> main logits [B, T, V] and MTP logits [B, T-1, V]; row t of the latter predicts id_{t+2}."""
        post_norm, pre_norm = self._main_hidden(ids)
        hidden = pre_norm if self.hidden_source == "pre_norm" else post_norm
        return self.main.lm_head(post_norm), self.main.lm_head(self._mtp_hidden(ids, hidden))

    def _main_hidden(self, ids):
        model, captured = self.main.model, [None]
        if self.hidden_source == "post_norm":  # the benchmarks' case: no hook, so torch.compile sees one graph
            return model(input_ids=ids, use_cache=False).last_hidden_state, None
        hook = model.norm.register_forward_pre_hook(lambda _module, args: captured.__setitem__(0, args[0]))
        post_norm = model(input_ids=ids, use_cache=False).last_hidden_state
        hook.remove()
        return post_norm, captured[0]

    def _mtp_hidden(self, ids, hidden):
        model = self.main.model
        embeddings = model.embed_tokens(ids[:, 1:])
        position_ids = torch.arange(ids.shape[1] - 1, device=ids.device).unsqueeze(0)
        mask = create_causal_mask(
            config=self.main.config,
            inputs_embeds=embeddings,
            attention_mask=None,
            past_key_values=None,
            position_ids=position_ids,
        )
        return self.mtp(embeddings, hidden[:, :-1], model.rotary_emb(embeddings, position_ids), mask, position_ids)


def cross_entropy_sum(logits, targets):
    """Summed cross-entropy over targets that are not IGNORE, and how many there were."""
    flat = targets.reshape(-1)
    total = F.cross_entropy(logits.reshape(-1, logits.shape[-1]).float(), flat, ignore_index=IGNORE, reduction="sum")
    return total, int((flat != IGNORE).sum())
