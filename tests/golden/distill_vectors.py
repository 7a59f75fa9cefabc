"""What losses of distillation and their gradients come to in PyTorch: the divergence between a teacher's and a student's
distribution over a head's logits, both ways, over all tokens (by TRL's own code, `GKDTrainer.generalized_jsd_loss`) and
over some tokens and all the others together; and the policy gradient whose advantages are a teacher's log-probabilities
less the student's own. Needs `pip install trl==1.16.0`; writes distill.json.
"""

import json
import pathlib

import torch
from trl.experimental.gkd import GKDTrainer

ROWS, WIDTH, VOCABULARY, TOLD = 4, 6, 9, 3
torch.manual_seed(0)


def short(x):
    """Numbers of four digits, so that the file stays small and means exactly what was computed."""
    return (x * 10000).round() / 10000


def listed(x):
    return x.detach().tolist()


def gradients(loss, h, w):
    dh, dw = torch.autograd.grad(loss, (h, w))
    return {"loss": loss.item(), "dh": listed(dh), "dw": listed(dw)}


def outcomes(log_probs, tokens):
    """Log-probabilities of some tokens of each row, and of all the others together."""
    told = log_probs.gather(1, tokens)
    others = log_probs.scatter(1, tokens, float("-inf"))
    return torch.cat([told, others.logsumexp(1, keepdim=True)], 1)


def divergence(p, q, direction):
    return (p.exp() * (p - q)).sum(1) if direction == "forward" else (q.exp() * (q - p)).sum(1)


h = short(torch.randn(ROWS, WIDTH)).requires_grad_()
w = short(torch.randn(VOCABULARY, WIDTH) * 0.7).requires_grad_()
teacher = short(torch.randn(ROWS, VOCABULARY) * 1.5)
weights = torch.tensor([0.25, 0.5, 0.0, 1.0])

cases = []
for direction, beta in (("forward", 0), ("reverse", 1)):
    for temperature in (1.0, 2.0):
        p = torch.log_softmax(teacher / temperature, 1)
        tokens = p.topk(TOLD).indices
        told = outcomes(p, tokens)
        q = torch.log_softmax(h @ w.T / temperature, 1)
        kl = divergence(told, outcomes(q, tokens), direction)
        cases.append(
            {
                "name": f"{direction}, some tokens, at {temperature}",
                "direction": direction,
                "temperature": temperature,
                "tokens": tokens.tolist(),
                "logProbs": listed(told),
                "weights": weights.tolist(),
                **gradients((weights * kl).sum(), h, w),
            }
        )
        everything = torch.arange(VOCABULARY).expand(ROWS, -1)
        loss = GKDTrainer.generalized_jsd_loss(
            (h @ w.T)[None], teacher[None], beta=beta, temperature=temperature, reduction="sum"
        )
        cases.append(
            {
                "name": f"{direction}, all tokens, at {temperature}",
                "direction": direction,
                "temperature": temperature,
                "tokens": everything.tolist(),
                # There are no others: what is said of them does not count.
                "logProbs": listed(torch.cat([p, torch.full((ROWS, 1), -30.0)], 1)),
                "weights": [1.0] * ROWS,
                **gradients(loss, h, w),
            }
        )

targets = torch.tensor([2, 0, 8, 5])
own = torch.log_softmax(h @ w.T, 1).gather(1, targets[:, None])[:, 0]
judged = torch.log_softmax(teacher, 1).gather(1, targets[:, None])[:, 0]
advantages = (judged - own).detach()
on_policy = {
    "targets": targets.tolist(),
    "teacherLogProbs": listed(judged),
    "advantages": listed(advantages),
    **gradients(-((own - own.detach()).exp() * advantages).mean(), h, w),
}

result = {"h": listed(h), "w": listed(w), "cases": cases, "onPolicy": on_policy}
path = pathlib.Path(__file__).parent / "distill.json"
path.write_text(json.dumps(result, indent=None, separators=(",", ":")) + "\n")
