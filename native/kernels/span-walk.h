// The walk over cached latents, in spans of blocks: each span has a softmax of its own, and the spans' are folded together in order. So one long
// context is work for many threads, and every latent is unpacked once. Knows nothing of memory layouts; see context-walk.h for sources.
#pragma once
#include "context-walk.h"

namespace luciole::attention {

/** Blocks of a span: part of the arithmetic order, so the same however many threads there are. */
inline constexpr int64_t kSpanBlocks = 16;

/** One task, span by span. */
template <class Q, class Source>
class SpanWalk {
  using Rows = WalkRows<typename Source::Products>;

 public:
  SpanWalk(const WalkTask& task, const WalkTask* next, const WalkSizes& z, const Source& source)
      : task_(task), next_(next), z_(z), source_(source), rows_(task.rows(z)), ldo_(padded(z.Dv)), spans_((task.blocks() + kSpanBlocks - 1) / kSpanBlocks) {}

  /** By this thread alone. */
  void run(const Q* q, Q* o) const {
    const int64_t floats = Rows::floats(rows_, z_), part = spans_ > 1 ? partFloats() : 0;
    float* scratch = static_cast<float*>(threadScratch(0, sizeof(float) * (floats + part + source_.floats())));
    const Rows all = Rows::in(scratch, q, task_, z_);
    float* room = scratch + floats + part;
    attendSpan(0, all, room);
    for (int64_t span = 1; span < spans_; ++span) {
      const Rows own = all.with(Softmax::in(scratch + floats, rows_, ldo_));
      attendSpan(span, own, room);
      all.state.fold(own.state, rows_);
    }
    all.finish(o, task_, z_);
  }

  /** By all threads. */
  void share(const Q* q, Q* o) const {
    static thread_local SharedScratch<float> shared;
    const int64_t floats = Rows::floats(rows_, z_), atOnce = std::min(spans_, kSpansPerThread * threadCount());
    float* scratch = shared.get(floats + atOnce * partFloats());
    const Rows all = Rows::in(scratch, q, task_, z_);
    for (int64_t first = 0; first < spans_; first += atOnce) {
      const int64_t count = std::min(atOnce, spans_ - first);
      const auto partOf = [&](int64_t i) { return scratch + floats + i * partFloats(); };
      parallelFor(count, 1, [&](int64_t from, int64_t to) {
        float* room = static_cast<float*>(threadScratch(0, sizeof(float) * source_.floats()));
        for (int64_t i = from; i < to; ++i)
          attendSpan(first + i, first + i == 0 ? all : all.with(Softmax::in(partOf(i), rows_, ldo_)), room);
      });
      for (int64_t i = first == 0; i < count; ++i) all.state.fold(Softmax::at(partOf(i), rows_, ldo_), rows_);
    }
    all.finish(o, task_, z_);
  }

 private:
  static constexpr int64_t kSpansPerThread = 16;
  int64_t partFloats() const { return roundUp(Softmax::size(rows_, ldo_), 16); }
  void attendSpan(int64_t span, const Rows& own, float* room) const {
    attendBlocks(task_, span * kSpanBlocks, std::min(task_.blocks(), (span + 1) * kSpanBlocks), next_, z_, source_, own, room);
  }

  const WalkTask& task_;
  const WalkTask* next_;
  const WalkSizes& z_;
  const Source& source_;
  int64_t rows_, ldo_, spans_;
};

/** As walkAll, in spans. */
template <class Q, class Source>
void walkSpans(const Q* q, Q* o, const std::vector<WalkTask>& tasks, const WalkSizes& z, const Source& source) {
  const int64_t work = workOf(tasks, z);
  if (goWhole(tasks, work)) return eachTask(tasks, work, z, [&](const WalkTask& task, const WalkTask* next) { SpanWalk<Q, Source>(task, next, z, source).run(q, o); });
  for (const WalkTask& task : tasks) SpanWalk<Q, Source>(task, nullptr, z, source).share(q, o);
}

}  // namespace luciole::attention
