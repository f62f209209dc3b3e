#include "denormals.h"

#include "share.h"

namespace striate {
namespace {

// What a thread's control word was before the first of the nested pairs that it is in.
struct Before {
  unsigned word;
  int depth;
};
thread_local Before before{0, 0};

// A runtime gives a team of the same size the same threads again, as long as the same thread calls.
template <class Work>
void each(int threads, const Work& work) {
  if (threads < 2) {
    work(0, 1);
  } else {
    parallel(threads, work);
  }
}

}  // namespace

void begin_flushing(int threads) {
  each(threads, [](int, int) {
    const unsigned word = flush_denormals();
    if (before.depth++ == 0) before.word = word;
  });
}

void end_flushing(int threads) {
  if (before.depth == 0) return;  // there was no beginning
  const unsigned callers = before.word;
  each(threads, [callers](int, int) {
    if (before.depth == 0) {  // a thread that began meanwhile, and took over the caller's word
      restore_denormals(callers);
    } else if (--before.depth == 0) {
      restore_denormals(before.word);
    }
  });
}

}  // namespace striate
