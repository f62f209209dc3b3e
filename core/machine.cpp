#include "machine.h"

#include <algorithm>
#include <cmath>

namespace striate {
namespace {

#if defined(__x86_64__)
constexpr const char* architecture = "x86-64";
#elif defined(__aarch64__)
constexpr const char* architecture = "aarch64";
#elif defined(__riscv)
constexpr const char* architecture = "riscv";
#elif defined(__powerpc64__)
constexpr const char* architecture = "ppc64";
#else
constexpr const char* architecture = "";
#endif

}  // namespace

Machine machine() {
  const std::optional<double> quota = quota_cores();
  int usable = affine_cores();
  if (quota) usable = std::clamp(int(std::ceil(*quota)), 1, usable);
  return {processor(), architecture, features(), caches(), logical_cores(), usable, quota, memory().total_bytes};
}

}  // namespace striate
