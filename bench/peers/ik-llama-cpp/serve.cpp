// The peer's side of the comparison of inference: ik_llama.cpp, the rounds of inference.json on the line protocol of
// bench/stepper.ts.
// Usage: serve FILE.gguf decode|prefill|batch VARIANT THREADS      (VARIANT: plain, or repacked with its -rtr)
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "llama.h"

namespace {

/** As an entry of inference.json. */
struct Round {
  int streams, prompt_tokens, new_tokens;
};

struct Usage {
  double seconds, cpu_seconds;
};

/**
 * The library's first error: the reason that is given when a call fails. Those that follow only say that something
 * failed.
 */
std::string first_error;

void keep_errors(ggml_log_level level, const char* text, void*) {
  if (level != GGML_LOG_LEVEL_ERROR || !first_error.empty()) return;
  first_error = text;
  while (!first_error.empty() && first_error.back() == '\n') first_error.pop_back();
}

void require(bool holds, const std::string& what) {
  if (!holds) throw std::runtime_error(what + (first_error.empty() ? "" : ": " + first_error));
}

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

Usage usage_now() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return {std::chrono::duration<double>(now).count(), seconds_of(used.ru_utime) + seconds_of(used.ru_stime)};
}

int64_t peak_rss_bytes() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  return used.ru_maxrss * int64_t{1024};
}

Round round_of(const std::string& kind) {
  std::ifstream file(ROUNDS_FILE);
  const auto entry = nlohmann::json::parse(file).at(kind);
  return {entry.at("streams"), entry.at("promptTokens"), entry.at("newTokens")};
}

/** As randomPrompt of src/inference/measure.ts. */
std::vector<llama_token> random_prompt(int64_t seed, int length, int vocab_size) {
  int64_t state = (seed + 1) * 7919;
  std::vector<llama_token> tokens(length);
  for (auto& token : tokens) {
    state = (state * 1103515245 + 12345) % 2147483648;
    token = static_cast<llama_token>(state % vocab_size);
  }
  return tokens;
}

/** A model with one context, which takes tokens of all streams at once. */
class Peer {
 public:
  Peer(const char* path, const Round& round, const std::string& variant, int threads)
      : round_(round), batch_(llama_batch_init(round.streams * round.prompt_tokens, 0, 1)) {
    auto model_params = llama_model_default_params();
    model_params.repack_tensors = variant == "repacked";
    model_params.use_mmap = !model_params.repack_tensors;
    model_params.flash_attn = FLASH_ATTENTION;
    model_ = llama_model_load_from_file(path, model_params);
    require(model_ != nullptr, "the model was not loaded");
    auto params = llama_context_default_params();
    params.n_ctx = std::max(256, round.streams * (round.prompt_tokens + round.new_tokens + 8));
    params.n_batch = params.n_ubatch = 512;
    params.n_seq_max = round.streams;
    params.n_threads = params.n_threads_batch = threads;
    params.flash_attn = FLASH_ATTENTION;  // off where its templates are left out of the build
    context_ = llama_init_from_model(model_, params);
    require(context_ != nullptr, "no context was made");
    vocab_size_ = llama_n_vocab(model_);
  }
  ~Peer() {
    llama_batch_free(batch_);
    if (context_) llama_free(context_);
    if (model_) llama_free_model(model_);
  }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  /** Runs one round from an empty cache and returns the tokens that count; `begin` is called when counting begins. */
  template <typename Begin>
  int run(int64_t seed, bool is_prefill, Begin begin) {
    llama_kv_cache_clear(context_);
    std::vector<std::vector<llama_token>> prompts;
    for (int i = 0; i < round_.streams; ++i)
      prompts.push_back(random_prompt(seed * round_.streams + i, round_.prompt_tokens, vocab_size_));
    if (is_prefill) begin();
    auto newest = step(prompts, 0);
    if (is_prefill) return round_.streams * round_.prompt_tokens;
    begin();
    for (int i = 1; i < round_.new_tokens; ++i) {
      std::vector<std::vector<llama_token>> inputs;
      for (const auto token : newest) inputs.push_back({token});
      newest = step(inputs, round_.prompt_tokens + i - 1);
    }
    return round_.streams * (round_.new_tokens - 1);
  }

 private:
  /** Computes every stream's tokens, the first of them at `position`, and returns the likeliest next one of each. */
  std::vector<llama_token> step(const std::vector<std::vector<llama_token>>& streams, int position) {
    batch_.n_tokens = 0;
    std::vector<int> last;
    for (size_t stream = 0; stream < streams.size(); ++stream) {
      for (size_t i = 0; i < streams[stream].size(); ++i)
        add(streams[stream][i], position + static_cast<int>(i), static_cast<int>(stream));
      last.push_back(batch_.n_tokens - 1);
      batch_.logits[last.back()] = 1;
    }
    require(llama_decode(context_, batch_) == 0, "a step failed");
    std::vector<llama_token> likeliest;
    for (const int row : last) {
      const float* logits = llama_get_logits_ith(context_, row);
      likeliest.push_back(static_cast<llama_token>(std::max_element(logits, logits + vocab_size_) - logits));
    }
    return likeliest;
  }

  void add(llama_token token, int position, int stream) {
    const int i = batch_.n_tokens++;
    batch_.token[i] = token;
    batch_.pos[i] = position;
    batch_.n_seq_id[i] = 1;
    batch_.seq_id[i][0] = stream;
    batch_.logits[i] = 0;
  }

  Round round_;
  llama_batch batch_;
  llama_model* model_ = nullptr;
  llama_context* context_ = nullptr;
  int vocab_size_ = 0;
};

/** Writes one line of JSON to `out`, past what the library may print. */
void say(int out, const nlohmann::json& line) {
  const auto text = line.dump() + "\n";
  require(write(out, text.data(), text.size()) == static_cast<ssize_t>(text.size()), "the answer could not be written");
}

void serve(const char* path, const std::string& kind, const std::string& variant, int threads) {
  const int out = dup(STDOUT_FILENO);
  dup2(STDERR_FILENO, STDOUT_FILENO);
  llama_log_set(keep_errors, nullptr);
  llama_backend_init();
  const auto imported_rss_bytes = peak_rss_bytes();
  const auto opening = usage_now();
  Peer peer(path, round_of(kind), variant, threads);
  say(out, {{"facts", {{"loadSeconds", usage_now().seconds - opening.seconds}}}});
  std::string line;
  for (int64_t seed = 0; std::getline(std::cin, line); ++seed) {
    Usage start{};
    const int tokens = peer.run(seed, kind == "prefill", [&] { start = usage_now(); });
    const auto end = usage_now();
    say(out, {{"seconds", end.seconds - start.seconds},
              {"cpuSeconds", end.cpu_seconds - start.cpu_seconds},
              {"tokens", tokens}});
  }
  say(out, {{"peakRssBytes", peak_rss_bytes()}, {"importedRssBytes", imported_rss_bytes}});
}

}  // namespace

int main(int argc, char** argv) {
  try {
    require(argc == 5, "usage: serve FILE.gguf decode|prefill|batch plain|repacked THREADS");
    serve(argv[1], argv[2], argv[3], std::stoi(argv[4]));
    return 0;
  } catch (const std::exception& error) {
    std::cerr << error.what() << std::endl;
    return 1;
  }
}
