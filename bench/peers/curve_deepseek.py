"""Loss curve of a tiny DeepSeek-V3 with all its training terms: `python curve_deepseek.py` rewrites curves/deepseek.

Terms: cross-entropy + 0.3 MTP + the sequence-wise balance loss of every MoE layer, and after each step the router-bias
update of aux-loss-free balancing (DeepSeek-V3, arXiv 2412.19437 sections 2.1.2 and 2.2).
"""

import torch
from curves import write_curve
from deepseek_mtp import DeepseekWithMtp
from router_vectors import sequence_balance_loss  # curves.py puts tests/golden on the path
from torch.nn import functional as F
from transformers import DeepseekV3Config, DeepseekV3ForCausalLM

MTP_LAMBDA, BALANCE_ALPHA, BIAS_UPDATE_SPEED = 0.3, 1e-3, 1e-3


class RouterWatch:
    """Collects each router's logits and choices of the current step, and moves the router biases afterwards."""

    def __init__(self, model):
        self.routers = [module for module in model.modules() if type(module).__name__ == "DeepseekV3TopkRouter"]
        self.logits, self.loads = {}, {}
        for router in self.routers:
            router.register_forward_hook(self._keep)

    def _keep(self, router, _args, output):
        logits, _weights, indices = output
        self.logits[router] = logits
        self.loads[router] = torch.bincount(indices.flatten(), minlength=router.num_experts).float()

    def balance_loss(self, rows):
        """Sum over MoE layers (MTP block included) of the mean over sequences."""
        total = 0.0
        for router in self.routers:
            length = len(self.logits[router]) // rows
            bounds = list(range(0, rows * length + 1, length))
            total = total + sequence_balance_loss(self.logits[router], bounds, router.top_k, BALANCE_ALPHA)
        return total

    @torch.no_grad()
    def update_biases(self):
        """b_i += speed * sign(mean load - load_i): up when underloaded, down when overloaded, still when equal."""
        for router in self.routers:
            load = self.loads[router]
            router.e_score_correction_bias += BIAS_UPDATE_SPEED * torch.sign(load.mean() - load)


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.manual_seed(5)
    config = DeepseekV3Config(
        vocab_size=64,
        hidden_size=32,
        intermediate_size=48,
        moe_intermediate_size=12,
        num_hidden_layers=2,
        first_k_dense_replace=1,
        num_nextn_predict_layers=1,
        num_attention_heads=4,
        num_key_value_heads=4,
        q_lora_rank=None,
        kv_lora_rank=16,
        qk_nope_head_dim=8,
        qk_rope_head_dim=8,
        v_head_dim=8,
        n_routed_experts=8,
        n_shared_experts=1,
        num_experts_per_tok=2,
        n_group=1,
        topk_group=1,
        routed_scaling_factor=1.0,
        max_position_embeddings=64,
        initializer_range=0.05,
        rope_parameters=dict(rope_type="default", rope_theta=10000.0),
        architectures=["DeepseekV3ForCausalLM"],
        dtype="float32",
    )
    config._attn_implementation = "eager"
    config._experts_implementation = "eager"
    main = DeepseekV3ForCausalLM(config)
    model = DeepseekWithMtp(main, "post_norm").train()
    model.mtp.apply(main._init_weights)
    watch = RouterWatch(model)

    def losses_of(ids, targets):
        logits, ahead = model(ids)
        ce = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
        mtp = F.cross_entropy(ahead.flatten(0, 1), targets[:, 1:].flatten())
        balance = watch.balance_loss(len(ids))
        return {"loss": ce + MTP_LAMBDA * mtp + balance, "mainLoss": ce, "mtpLoss": mtp, "balanceLoss": balance}

    extra = dict(
        mtpLambda=MTP_LAMBDA,
        mtpHiddenSource="post_norm",
        balanceAlpha=BALANCE_ALPHA,
        balanceReduction="mean over sequences, sum over MoE layers (the MTP block's included)",
        biasUpdateSpeed=BIAS_UPDATE_SPEED,
        biasUpdate="b += speed * sign(mean load - load), after each step, loads over the whole batch",
    )
    write_curve("deepseek", model, config, losses_of, watch.update_biases, extra)
