// Tasks handed out to a team of threads, with denormal numbers flushed to zero meanwhile.
//
// Included by files that are compiled for one instruction set: it has templates alone, and those of a lambda's type, so
// the linker shares none of them.
#pragma once

#include "parallel.h"

#include <cstdint>

namespace striate {

// The control word of the thread's arithmetic, as it was before and as it is within the core: numbers below 1e-38 are
// zero. Each would cost a hundred cycles, and trained weights have many (PyTorch issue 67797).
[[gnu::always_inline]] inline unsigned flush_denormals() {
#if defined(__x86_64__)
  const unsigned before = __builtin_ia32_stmxcsr();
  __builtin_ia32_ldmxcsr(before | 0x8040u);
  return before;
#elif defined(__aarch64__)
  const unsigned long before = __builtin_aarch64_get_fpcr();
  __builtin_aarch64_set_fpcr(unsigned(before | 1ul << 24));
  return unsigned(before);
#else
  return 0;
#endif
}
[[gnu::always_inline]] inline void restore_denormals([[maybe_unused]] unsigned before) {
#if defined(__x86_64__)
  __builtin_ia32_ldmxcsr(before);
#elif defined(__aarch64__)
  __builtin_aarch64_set_fpcr(before);
#endif
}

// Call `work(task, thread)` for every task below `count`, each on the first thread that is free.
template <class Work>
void share(int threads, std::int64_t count, const Work& work) {
  std::int64_t next = 0;
  const auto take = [&](int thread, int) {
    const unsigned before = flush_denormals();
    for (std::int64_t task; (task = __atomic_fetch_add(&next, 1, __ATOMIC_RELAXED)) < count;) work(task, thread);
    restore_denormals(before);
  };
  if (threads < 2 || count < 2) {
    take(0, 1);
  } else {
    parallel(threads < count ? threads : int(count), take);
  }
}

}  // namespace striate
