// Which taps of a kernel fall into the image.
#pragma once

#include "vector.h"

namespace striate::STRIATE_ISA {

// Those of one axis, for the output whose first tap is at `start`.
struct Taps {
  std::int64_t first, end;
};

inline Taps taps_inside(std::int64_t start, std::int64_t size, std::int64_t count, std::int64_t dilation) {
  const std::int64_t first = start >= 0 ? 0 : divided_up(-start, dilation);
  const std::int64_t end = start >= size ? 0 : least(count, divided_up(size - start, dilation));
  return {first, most(first, end)};
}

}  // namespace striate::STRIATE_ISA
