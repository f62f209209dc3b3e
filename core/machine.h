// What this machine is: asked of the processor and the operating system, never measured (see peak.h).
//
// What the system does not tell is absent ("", 0 or an empty list), never guessed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace striate {

struct Cache {
  int level;
  std::string kind;  // "data", "instruction" or "unified"
  std::int64_t size_bytes, line_bytes;
  int shared_by;  // logical cores
};

struct Machine {
  std::string processor, architecture;
  std::vector<std::string> instruction_sets;
  std::vector<Cache> caches;  // seen from the first core, nearest first
  int logical_cores;
  int usable_cores;                   // allowed by affinity and, rounded up, by the control group's quota
  std::optional<double> quota_cores;  // processor time per time that the control group allows; none: no limit
  std::int64_t memory_bytes;          // of the machine, or what the control group allows where that is less
};

Machine machine();

// Instruction sets that the processor has and the operating system has enabled (features.cpp).
std::vector<std::string> features();

// The processor's own name (features.cpp).
std::string processor();

// The rest take the folder that stands for "/", so that a test can give the files of another machine.

// Caches of the first core, as Linux lists them (caches.cpp).
std::vector<Cache> caches(const std::filesystem::path& root = "/");

// What all the last-level caches of the machine hold together, in bytes; 0 where caches are unknown (caches.cpp).
std::int64_t last_level_bytes(const std::vector<Cache>& caches, int logical_cores);

// Processor time per time that the control groups of this process allow (limits.cpp).
std::optional<double> quota_cores(const std::filesystem::path& root = "/");

// Logical cores that are switched on, and those that the scheduler may put this thread on (limits.cpp).
int logical_cores();
int affine_cores();

struct Memory {
  std::int64_t total_bytes, available_bytes;  // of the machine or of the control group, whichever is less
};

Memory memory(const std::filesystem::path& root = "/");

}  // namespace striate
