// The threads of the engine: a oneTBB arena of a fixed width. Work is given as indexed pieces that
// do not touch each other's state; a piece runs on one thread, start to end, so a shard is
// single-threaded at any moment. Results go into slots by index: the order of execution never
// shows. Thread: one caller at a time, not from inside a piece. Pieces must not block.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace rootnote {

class ShardPool {
 public:
  // `threads` counts the caller's own; below 1 means 1, and 1 makes no thread at all.
  explicit ShardPool(int threads);
  ~ShardPool();

  int threads() const { return threads_; }

  // Runs piece(index, worker) for every index below `count` and returns when all have run.
  // `worker` is below threads() and differs between pieces that run at the same time.
  void ForEach(size_t count, const std::function<void(size_t index, size_t worker)>& piece);

 private:
  struct Arena;
  int threads_;
  std::unique_ptr<Arena> arena_;
};

}  // namespace rootnote
