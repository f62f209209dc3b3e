// Unpooling, a plane at a time: zeros, and then every number to its place while the plane is in the nearest cache.
#include "windows.h"

namespace striate::STRIATE_ISA {
namespace {

void clear(float* to, std::int64_t count) {
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) store(to + i, Vector{});
  if (i < count) store_first(to + i, Vector{}, count - i);
}

// Whether all are places of a plane of `size`. The highest bit is set of what is negative, and of what is left of the
// plane after a place beyond it: a few operations by vectors, where comparisons would be branches.
bool within(const std::int64_t* switches, std::int64_t count, std::int64_t size) {
  std::uint64_t bits = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint64_t place = std::uint64_t(switches[i]);
    bits |= place | (std::uint64_t(size - 1) - place);
  }
  return !(bits >> 63);
}

// A number to the place that its switch names: places of a map are `step` apart.
template <bool last_wins>
[[gnu::always_inline]] inline void put(float value, std::int64_t place, std::int64_t step, float* map) {
  float& to = map[place * step];
  to = last_wins ? value : to + value;
}

// The same of as many channels, whose places are never the same: all are read before the first is written, so that no
// read has to wait until it is known where the writes before it go.
constexpr std::int64_t some = 8;
template <bool last_wins>
void put_some(const float* values, const std::int64_t* places, std::int64_t step, float* maps) {
  float sums[some];
#pragma GCC unroll 8
  for (int i = 0; i < some; ++i) sums[i] = last_wins ? values[i] : maps[places[i] * step + i] + values[i];
#pragma GCC unroll 8
  for (int i = 0; i < some; ++i) maps[places[i] * step + i] = sums[i];
}

template <bool last_wins>
bool unpool_plane(const Pool& p, const float* y, const std::int64_t* switches, float* x) {
  const std::int64_t in = p.h * p.w, out = p.p * p.q;
  clear(x, in);
  if (!within(switches, out, in)) return false;
  for (std::int64_t i = 0; i < out; ++i) put<last_wins>(y[i], switches[i], 1, x);
  return true;
}

template <bool last_wins>
bool unpool_channels(const Pool& p, const float* y, const std::int64_t* switches, float* x, std::int64_t channels) {
  const std::int64_t in = p.h * p.w;
  if (channels == p.c) {
    clear(x, in * p.c);
  } else {
    for (std::int64_t at = 0; at < in; ++at) clear(x + at * p.c, channels);
  }
  for (std::int64_t at = 0; at < p.p * p.q; ++at, y += p.c, switches += p.c) {
    if (!within(switches, channels, in)) return false;
    std::int64_t c = 0;
    for (; c + some <= channels; c += some) put_some<last_wins>(y + c, switches + c, p.c, x + c);
    for (; c < channels; ++c) put<last_wins>(y[c], switches[c], p.c, x + c);
  }
  return true;
}

}  // namespace

bool unpool(const Pool& p, const float* y, const std::int64_t* switches, float* x, std::int64_t plane,
            const Rows& channels, bool last_wins) {
  const std::int64_t in = p.h * p.w * p.pixel(), out = p.p * p.q * p.pixel();
  const std::int64_t first = plane * out + channels.first;
  x += plane * in + channels.first;
  if (p.pixel() > 1) {
    const auto way = last_wins ? unpool_channels<true> : unpool_channels<false>;
    return way(p, y + first, switches + first, x, channels.end - channels.first);
  }
  return (last_wins ? unpool_plane<true> : unpool_plane<false>)(p, y + first, switches + first, x);
}

}  // namespace striate::STRIATE_ISA
