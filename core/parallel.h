// Work on the threads that PyTorch uses: the one OpenMP runtime of the process.
//
// The extension is imported after torch, so the runtime that torch loaded is the one that runs this. Without OpenMP the
// work is done by the calling thread alone.
#pragma once

#ifdef _OPENMP
#include <omp.h>
#endif

namespace striate {

// Call `work(thread, team)` on a team of at most `threads`; all begin together. `work` must not throw.
// Returns the size of the team, which the runtime may have made smaller.
template <class Work>
int parallel(int threads, const Work& work) {
  int team = 1;
#ifdef _OPENMP
#pragma omp parallel num_threads(threads)
  {
#pragma omp single
    team = omp_get_num_threads();
    work(omp_get_thread_num(), team);
  }
#else
  static_cast<void>(threads);
  work(0, team);
#endif
  return team;
}

}  // namespace striate
