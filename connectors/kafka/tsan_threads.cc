// Only in builds with ThreadSanitizer. GCC 12's knows pthread's functions but not those of C11,
// with which Debian's librdkafka makes its threads and locks: a thread that it has not seen begin
// crashes it. So the C11 functions are defined here, on top of pthread's, as glibc defines them;
// what librdkafka does then is seen.
#include <cerrno>
#include <ctime>
#include <memory>

#include <pthread.h>

namespace {

// The results of <threads.h>.
constexpr int kSuccess = 0;
constexpr int kError = 2;
constexpr int kTimedOut = 4;
constexpr int kRecursive = 1;

using Start = int (*)(void*);

struct Begin {
  Start start;
  void* argument;
};

void* Run(void* begin) {
  const std::unique_ptr<Begin> own(static_cast<Begin*>(begin));
  own->start(own->argument);
  return nullptr;
}

int Result(int error) { return error == 0 ? kSuccess : error == ETIMEDOUT ? kTimedOut : kError; }

}  // namespace

extern "C" {

int thrd_create(pthread_t* thread, Start start, void* argument) {
  return Result(pthread_create(thread, nullptr, Run, new Begin{start, argument}));
}

int thrd_join(pthread_t thread, int* result) {
  if (result != nullptr) {
    *result = 0;  // librdkafka's threads return nothing else
  }
  return Result(pthread_join(thread, nullptr));
}

int mtx_init(pthread_mutex_t* mutex, int type) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  if ((type & kRecursive) != 0) {
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
  }
  const int error = pthread_mutex_init(mutex, &attributes);
  pthread_mutexattr_destroy(&attributes);
  return Result(error);
}
void mtx_destroy(pthread_mutex_t* mutex) { pthread_mutex_destroy(mutex); }
int mtx_lock(pthread_mutex_t* mutex) { return Result(pthread_mutex_lock(mutex)); }
int mtx_unlock(pthread_mutex_t* mutex) { return Result(pthread_mutex_unlock(mutex)); }

int cnd_init(pthread_cond_t* condition) { return Result(pthread_cond_init(condition, nullptr)); }
void cnd_destroy(pthread_cond_t* condition) { pthread_cond_destroy(condition); }
int cnd_signal(pthread_cond_t* condition) { return Result(pthread_cond_signal(condition)); }
int cnd_broadcast(pthread_cond_t* condition) { return Result(pthread_cond_broadcast(condition)); }
int cnd_wait(pthread_cond_t* condition, pthread_mutex_t* mutex) {
  return Result(pthread_cond_wait(condition, mutex));
}
int cnd_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex, const timespec* until) {
  return Result(pthread_cond_timedwait(condition, mutex, until));
}

}  // extern "C"
