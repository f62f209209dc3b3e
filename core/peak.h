// The most that this machine does, measured: multiply-adds in registers, bytes read from memory.
#pragma once

#include "isa/kernels.h"

#include <cstdint>

namespace striate {

struct Rate {
  double per_second;  // the best of many short slices: whatever disturbs a slice makes it slower, never faster
  int threads;        // that took part
};

// Multiply-adds of float32 per second by `threads` threads together. An FMA counts as one multiply-add.
Rate measure_multiply_adds(const Kernels& kernels, int threads);

// Bytes read per second by `threads` threads together, from `bytes` that each thread touched first where it reads.
// Throws std::bad_alloc where there is no such memory.
Rate measure_reads(const Kernels& kernels, int threads, std::int64_t bytes);

// How much to read on this machine, in bytes: four times the last-level caches, between 64 MiB and 512 MiB, but never
// over a quarter of the memory that is free.
std::int64_t read_buffer_bytes();

}  // namespace striate
