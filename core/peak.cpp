#include "peak.h"

#include "machine.h"
#include "parallel.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <new>
#include <stdexcept>
#include <vector>

namespace striate {
namespace {

using Clock = std::chrono::steady_clock;

struct Slice {
  double seconds;  // from the first thread's start to the last one's end
  double counted;  // what the kernels of all threads say they did
  int threads;
};

// One slice: `kernel(thread, team)` on every thread.
template <class Kernel>
Slice timed(int threads, const Kernel& kernel) {
  struct Thread {
    Clock::time_point start = Clock::time_point::max(), end = Clock::time_point::min();
    double counted = 0;
  };
  std::vector<Thread> each(std::size_t(threads), Thread{});
  const int team = parallel(threads, [&](int thread, int size) {
    const Clock::time_point start = Clock::now();
    const double counted = kernel(thread, size);
    each[std::size_t(thread)] = {start, Clock::now(), counted};
  });
  Slice slice{0, 0, team};
  for (const Thread& thread : each) slice.counted += thread.counted;
  const auto start = std::ranges::min_element(each, {}, &Thread::start)->start;
  const auto end = std::ranges::max_element(each, {}, &Thread::end)->end;
  slice.seconds = std::chrono::duration<double>(end - start).count();
  return slice;
}

// The best rate of slices that go on for `budget_seconds`, at least `least` of them. A slice that counted anything but
// what it should have done is a broken kernel, and its time is worth nothing.
template <class Run, class Expected>
Rate best(const Run& run, const Expected& expected, double budget_seconds, int least) {
  Rate rate{0, 0};
  const Clock::time_point begin = Clock::now();
  const auto spent = [&] { return std::chrono::duration<double>(Clock::now() - begin).count(); };
  for (int n = 0; n < least || spent() < budget_seconds; ++n) {
    const Slice slice = run();
    if (slice.counted != expected(slice.threads))
      throw std::logic_error("a kernel did not do the work it was timed for");
    rate = {std::max(rate.per_second, slice.counted / slice.seconds), slice.threads};
  }
  return rate;
}

struct Free {
  void operator()(float* memory) const { std::free(memory); }
};

}  // namespace

Rate measure_multiply_adds(const Kernels& kernels, int threads) {
  // Not a constant: the compiler must not know that multiplying by it changes nothing.
  const volatile float one = 1;
  std::int64_t rounds = 1 << 12;
  const auto run = [&] { return timed(threads, [&](int, int) { return kernels.multiply_add(rounds, one); }); };
  constexpr double slice_seconds = 3e-3;  // long against the clock and the start of a team, short against disturbance
  while (rounds < 1 << 22 && run().seconds < slice_seconds) rounds *= 2;
  const auto expected = [&](int team) { return double(rounds * kernels.multiply_adds_per_round * team); };
  return best(run, expected, 0.1, 10);
}

Rate measure_reads(const Kernels& kernels, int threads, std::int64_t bytes) {
  constexpr std::size_t page_bytes = 4096;
  const std::size_t size = std::max<std::size_t>(std::size_t(bytes) / page_bytes, 1) * page_bytes;
  const std::size_t count = size / sizeof(float);
  const std::unique_ptr<float, Free> buffer(static_cast<float*>(std::aligned_alloc(page_bytes, size)));
  if (!buffer) throw std::bad_alloc();

  const auto begin_of = [&](int thread, int team) {
    return buffer.get() + count * std::size_t(thread) / std::size_t(team);
  };
  // A page belongs to the memory nearest to the thread that writes it first.
  parallel(threads, [&](int t, int team) { std::fill(begin_of(t, team), begin_of(t + 1, team), 1.0f); });
  const auto run = [&] {
    return timed(threads, [&](int t, int team) {
      const float* begin = begin_of(t, team);
      return kernels.sum(begin, std::size_t(begin_of(t + 1, team) - begin));
    });
  };
  Rate rate = best(run, [&](int) { return double(count); }, 0.15, 3);
  rate.per_second *= sizeof(float);
  return rate;
}

std::int64_t read_buffer_bytes() {
  constexpr std::int64_t mebibyte = 1 << 20;
  const std::int64_t wanted =
      std::clamp(4 * last_level_bytes(caches(), logical_cores()), 64 * mebibyte, 512 * mebibyte);
  return std::max(std::min(wanted, memory().available_bytes / 4), mebibyte);
}

}  // namespace striate
