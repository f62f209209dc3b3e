#include "depthwise_separable.h"

#include "share.h"

#include <algorithm>

namespace striate {
namespace {

// Rows of a task: as many as stay in half of a second cache of 512 KiB, and few enough for every thread to have some.
std::int64_t rows_together(const Problem& first, int threads) {
  constexpr std::int64_t near = 256 << 10;
  const std::int64_t row_bytes = first.q() * first.k * std::int64_t(sizeof(float));
  const std::int64_t fair = (first.n * first.p() + 2 * threads - 1) / (2 * threads);
  return std::clamp<std::int64_t>(near / row_bytes, 1, std::min(first.p(), std::max<std::int64_t>(1, fair)));
}

// Some rows of one image's output as a problem of their own: of the rows that they read, and where these begin.
struct Rows {
  Problem problem;
  std::int64_t first_read;
};

Rows rows_of(const Problem& p, std::int64_t begin, std::int64_t end) {
  const std::int64_t above = begin * p.stride_h - p.top;
  const std::int64_t below = (end - 1) * p.stride_h - p.top + p.dilation_h * (p.r - 1);
  const std::int64_t first = std::clamp<std::int64_t>(above, 0, p.h - 1);
  const std::int64_t last = std::clamp<std::int64_t>(below, first, p.h - 1);
  Problem some = p;
  some.n = 1, some.h = last - first + 1, some.top = first - above, some.bottom = below - last;
  return {some, first};
}

}  // namespace

std::int64_t depthwise_separable_scratch(const Problem& first, int threads) {
  return threads * rows_together(first, threads) * first.q() * first.k * std::int64_t(sizeof(float));
}

void depthwise_separable(const Pass& first, const Pass& second, const float* x, const float* bias, float* y,
                         std::byte* scratch, int threads) {
  const Problem &p = first.problem, &mix = second.problem;
  const std::int64_t rows = rows_together(p, threads), blocks = (p.p() + rows - 1) / rows, row = p.q() * p.k;
  share(threads, p.n * blocks, [&](std::int64_t task, int thread) {
    const std::int64_t n = task / blocks, begin = task % blocks * rows, end = std::min(p.p(), begin + rows);
    const Rows some = rows_of(p, begin, end);
    float* between = reinterpret_cast<float*>(scratch) + thread * rows * row;
    const float* from = x + (n * p.h + some.first_read) * p.w * p.c;
    first.algorithm->run(some.problem, {from, nullptr, nullptr, between, some.problem.side_by_side()}, first.prepared,
                         nullptr, 1);
    Problem mixed = mix;
    mixed.n = 1, mixed.h = end - begin;
    float* to = y + (n * p.p() + begin) * p.q() * mix.k;
    second.algorithm->run(mixed, {between, bias, nullptr, to, mixed.side_by_side()}, second.prepared, nullptr, 1);
  });
}

}  // namespace striate
