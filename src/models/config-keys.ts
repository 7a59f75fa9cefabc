// Keys of config.json that no family reads: those that change nothing of what is computed are known by name, all others
// are refused. A model that needs a setting we do not know would else give wrong answers without a word. Collected from
// huggingface/transformers v5.23 (PreTrainedConfig, GenerationConfig) and from published files of our families.

/** Of training, of how transformers runs a model, of generation, of who wrote the file. */
const HARMLESS: ReadonlySet<string> = new Set([
  ...[
    "model_type",
    "auto_map",
    "transformers_version",
    "transformers.js_config",
    "name_or_path",
    "tokenizer_class",
    "prefix",
    "processor_class",
  ],
  ...[
    "use_cache",
    "output_attentions",
    "output_hidden_states",
    "output_router_logits",
    "return_dict",
    "torchscript",
    "use_bfloat16",
    "pruned_heads",
  ],
  ...[
    "attn_implementation",
    "experts_implementation",
    "use_flash_attn",
    "use_flash_attention",
    "gradient_checkpointing",
    "pretraining_tp",
    "tf_legacy_loss",
  ],
  ...[
    "id2label",
    "label2id",
    "num_labels",
    "problem_type",
    "finetuning_task",
    "task_specific_params",
    "tie_encoder_decoder",
    "is_decoder",
  ],
  ...[
    "unk_token_id",
    "sep_token_id",
    "cls_token_id",
    "mask_token_id",
    "decoder_start_token_id",
    "forced_bos_token_id",
    "forced_eos_token_id",
  ],
  ...[
    "max_length",
    "max_new_tokens",
    "min_length",
    "do_sample",
    "early_stopping",
    "num_beams",
    "num_beam_groups",
    "num_return_sequences",
    "temperature",
  ],
  ...[
    "top_k",
    "top_p",
    "min_p",
    "typical_p",
    "repetition_penalty",
    "length_penalty",
    "diversity_penalty",
    "no_repeat_ngram_size",
    "bad_words_ids",
  ],
  ...[
    "encoder_no_repeat_ngram_size",
    "suppress_tokens",
    "begin_suppress_tokens",
    "exponential_decay_length_penalty",
    "remove_invalid_values",
  ],
  ...[
    "return_dict_in_generate",
    "output_scores",
    "cross_attention_hidden_size",
    "chat_template",
    "max_sequence_length",
    "seq_length",
  ],
  // Training: balance losses, dropout (refused where it would be applied), layouts over devices.
  ...[
    "attention_dropout",
    "router_aux_loss_coef",
    "aux_loss_alpha",
    "seq_aux",
    "ep_size",
    "neftune_noise_alpha",
    "quantization_config",
  ],
  // Read with use_sliding_window alone.
  ...["sliding_window", "max_window_layers"],
]);

/** Keys by the only values under which nothing is to be done. */
const INERT: Readonly<Record<string, readonly unknown[]>> = {
  add_cross_attention: [false],
  chunk_size_feed_forward: [0],
  is_encoder_decoder: [false],
  is_llama_config: [true],
  logit_scale: [1],
  partial_rotary_factor: [1],
  rope_interleaved: [false],
  rope_ratio: [1],
  use_mrope: [false],
  use_qk_norm: [false],
  use_sliding_window: [false],
};

/** Side of the blocks of FP8 weights that share a scale. */
const FP8_BLOCK = 128;

/** What a configuration says that is neither read (`isRead`) nor known to change nothing, in words. */
export function unknownKeys(config: Readonly<Record<string, unknown>>, isRead: (key: string) => boolean): string[] {
  return Object.entries(config).flatMap(([key, value]) => {
    if (value === null || value === undefined || key.startsWith("_") || key.startsWith("unsloth_")) return [];
    if (key === "quantization_config") return quantizationProblem(value);
    if (key === "layer_types" && !isRead(key)) return layerTypesProblem(value);
    if (isRead(key) || (HARMLESS.has(key) && !(key === "sliding_window" && !isRead("use_sliding_window")))) return [];
    const allowed = Object.hasOwn(INERT, key) ? INERT[key] : undefined;
    if (allowed?.includes(value)) return [];
    const got = JSON.stringify(value)?.slice(0, 60);
    return allowed
      ? [`${key}: expected ${allowed.join(" or ")}, got ${got}`]
      : [`${key} ${got}: this setting is not supported; if it has no effect, remove it`];
  });
}

function quantizationProblem(value: unknown): string[] {
  const {
    quant_method: method,
    fmt = "e4m3",
    weight_block_size: block,
  } = (typeof value === "object" ? value : {}) as Record<string, unknown>;
  if (
    method === "fp8" &&
    fmt === "e4m3" &&
    Array.isArray(block) &&
    block.length === 2 &&
    block.every((side) => side === FP8_BLOCK)
  )
    return [];
  const got =
    method === "fp8"
      ? `fp8 ${JSON.stringify(fmt)} in blocks of ${JSON.stringify(block ?? null)}`
      : JSON.stringify(method ?? null);
  return [
    `quantization_config.quant_method: expected fp8 (e4m3) in blocks of [128,128], got ${got}; use the ` +
      "unquantised weights or a GGUF file",
  ];
}

function layerTypesProblem(value: unknown): string[] {
  const others = Array.isArray(value) ? value.filter((type) => type !== "full_attention") : [value];
  return others.length === 0 ? [] : [`layer_types: expected only full_attention, got ${JSON.stringify(others[0])}`];
}
