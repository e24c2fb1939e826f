#include "engine/shard_pool.h"

#include <algorithm>
#include <atomic>

#include "oneapi/tbb/global_control.h"
#include "oneapi/tbb/parallel_for.h"
#include "oneapi/tbb/task_arena.h"

#include "schemas/base/check.h"

namespace rootnote {

// One ForEach at a time. oneTBB orders its tasks after the caller and before its return, but
// ThreadSanitizer cannot see into Debian's build of it: the two counters say the same where it can
// be seen, and the body lives longer than the call (tests/tsan.supp).
struct Round {
  void operator()(size_t i) const {
    CHECK(opened.load(std::memory_order_acquire) > 0);
    (*piece)(i, static_cast<size_t>(oneapi::tbb::this_task_arena::current_thread_index()));
    finished.fetch_add(1, std::memory_order_release);
  }

  const std::function<void(size_t, size_t)>* piece = nullptr;
  std::atomic<size_t> opened{0};
  mutable std::atomic<size_t> finished{0};
};

// oneTBB never starts more workers than cores unless told; tests want seven threads on two cores.
struct ShardPool::Arena {
  explicit Arena(int threads)
      : parallelism(oneapi::tbb::global_control::max_allowed_parallelism,
                    static_cast<size_t>(threads)),
        arena(threads) {}

  oneapi::tbb::global_control parallelism;
  oneapi::tbb::task_arena arena;
  Round round;
};

ShardPool::ShardPool(int threads) : threads_(std::max(threads, 1)) {
  if (threads_ > 1) {
    arena_ = std::make_unique<Arena>(threads_);
  }
}

ShardPool::~ShardPool() = default;

void ShardPool::ForEach(size_t count, const std::function<void(size_t, size_t)>& piece) {
  if (arena_ == nullptr || count <= 1) {
    for (size_t i = 0; i < count; ++i) {
      piece(i, 0);
    }
    return;
  }
  Round& round = arena_->round;
  round.piece = &piece;
  round.finished.store(0, std::memory_order_relaxed);
  round.opened.fetch_add(1, std::memory_order_release);
  arena_->arena.execute([&] {
    oneapi::tbb::parallel_for(size_t{0}, count, round, oneapi::tbb::simple_partitioner());
  });
  CHECK(round.finished.load(std::memory_order_acquire) == count);
}

}  // namespace rootnote
