// Instruction sets and the processor's name.
#include "machine.h"

#include <algorithm>
#include <fstream>

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

namespace striate {

#if defined(__x86_64__)

namespace {

struct Registers {
  unsigned values[4] = {};  // eax, ebx, ecx, edx
};

Registers cpuid(unsigned leaf, unsigned subleaf) {
  Registers r;
  __get_cpuid_count(leaf, subleaf, &r.values[0], &r.values[1], &r.values[2], &r.values[3]);
  return r;
}

// Which registers the operating system saves when it switches threads. An instruction set whose registers it does not
// save is as good as absent.
unsigned saved_registers() {
  constexpr unsigned osxsave = 1u << 27;
  if (!(cpuid(1, 0).values[2] & osxsave)) return 0;
  unsigned low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

constexpr unsigned sse_state = 0, avx_state = 0x6, avx512_state = 0xe6, amx_state = 0x60000;

struct Feature {
  const char* name;
  unsigned leaf, subleaf;
  int output;  // 0 eax, 1 ebx, 2 ecx, 3 edx
  int bit;
  unsigned state;  // bits of XCR0 that must be set
};

// Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, CPUID.
constexpr Feature table[] = {
    {"sse2", 1, 0, 3, 26, sse_state},          {"sse4.1", 1, 0, 2, 19, sse_state},
    {"sse4.2", 1, 0, 2, 20, sse_state},        {"avx", 1, 0, 2, 28, avx_state},
    {"f16c", 1, 0, 2, 29, avx_state},          {"fma", 1, 0, 2, 12, avx_state},
    {"avx2", 7, 0, 1, 5, avx_state},           {"avx_vnni", 7, 1, 0, 4, avx_state},
    {"avx512f", 7, 0, 1, 16, avx512_state},    {"avx512dq", 7, 0, 1, 17, avx512_state},
    {"avx512bw", 7, 0, 1, 30, avx512_state},   {"avx512vl", 7, 0, 1, 31, avx512_state},
    {"avx512vnni", 7, 0, 2, 11, avx512_state}, {"avx512bf16", 7, 1, 0, 5, avx512_state},
    {"avx512fp16", 7, 0, 3, 23, avx512_state}, {"amx_tile", 7, 0, 3, 24, amx_state},
    {"amx_int8", 7, 0, 3, 25, amx_state},      {"amx_bf16", 7, 0, 3, 22, amx_state},
};

}  // namespace

std::vector<std::string> features() {
  const unsigned saved = saved_registers();
  std::vector<std::string> names;
  for (const Feature& f : table) {
    const bool has = cpuid(f.leaf, f.subleaf).values[f.output] >> f.bit & 1u;
    if (has && (saved & f.state) == f.state) names.emplace_back(f.name);
  }
  return names;
}

std::string processor() {
  std::string name;
  for (unsigned leaf = 0x80000002; leaf <= 0x80000004; ++leaf) {
    for (unsigned value : cpuid(leaf, 0).values) {
      for (int byte = 0; byte < 4; ++byte) name += char(value >> 8 * byte & 0xff);
    }
  }
  name.resize(name.find_last_not_of(std::string(" \0", 2)) + 1);
  return name.substr(std::min(name.size(), name.find_first_not_of(' ')));
}

#else

#if defined(__aarch64__) && defined(__linux__)

namespace {

struct Feature {
  const char* name;
  int bit;  // of AT_HWCAP
};

// Source: Linux, Documentation/arch/arm64/elf_hwcaps.rst.
constexpr Feature table[] = {{"neon", 1}, {"fp16", 10}, {"dotprod", 20}, {"sve", 22}};

}  // namespace

std::vector<std::string> features() {
  std::vector<std::string> names;
  for (const Feature& f : table) {
    if (getauxval(AT_HWCAP) >> f.bit & 1u) names.emplace_back(f.name);
  }
  return names;
}

#elif defined(__aarch64__)

std::vector<std::string> features() { return {"neon"}; }  // part of the architecture's base

#else

std::vector<std::string> features() { return {}; }

#endif

std::string processor() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const bool names_it = line.starts_with("model name") || line.starts_with("Hardware") || line.starts_with("uarch");
    const std::size_t colon = line.find(": ");
    if (names_it && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "";
}

#endif

}  // namespace striate
