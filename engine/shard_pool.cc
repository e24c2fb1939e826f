#include "engine/shard_pool.h"

#include <algorithm>

#include "oneapi/tbb/global_control.h"
#include "oneapi/tbb/parallel_for.h"
#include "oneapi/tbb/task_arena.h"

namespace rootnote {

// oneTBB never starts more workers than cores unless told; tests want seven threads on two cores.
struct ShardPool::Arena {
  explicit Arena(int threads)
      : parallelism(oneapi::tbb::global_control::max_allowed_parallelism,
                    static_cast<size_t>(threads)),
        arena(threads) {}

  oneapi::tbb::global_control parallelism;
  oneapi::tbb::task_arena arena;
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
  arena_->arena.execute([&] {
    oneapi::tbb::parallel_for(
        size_t{0}, count,
        [&](size_t i) {
          piece(i, static_cast<size_t>(oneapi::tbb::this_task_arena::current_thread_index()));
        },
        oneapi::tbb::simple_partitioner());
  });
}

}  // namespace rootnote
