// What the operating system lets this process have: cores, processor time, memory.
#include "machine.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <sstream>
#include <thread>

#include <unistd.h>
#if defined(__linux__)
#include <sched.h>
#endif

namespace striate {
namespace {

namespace fs = std::filesystem;

std::optional<std::int64_t> number(const fs::path& file) {
  std::int64_t value;
  if (std::ifstream(file) >> value) return value;
  return std::nullopt;  // no such file, or the word "max"
}

// The value after `key` in a file of keys and values ("MemAvailable: 123 kB", "inactive_file 123").
std::optional<std::int64_t> entry(const fs::path& file, const std::string& key) {
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string word;
    std::int64_t value;
    if (words >> word >> value && word == key) return value;
  }
  return std::nullopt;
}

// Whether `names` ("cpu,cpuacct") has `name` among them.
bool lists(const std::string& names, const std::string& name) {
  std::istringstream each(names);
  for (std::string one; std::getline(each, one, ',');) {
    if (one == name) return true;
  }
  return false;
}

// The folders that can limit this process by `controller`, its own first. A container often shows only the last ones.
std::vector<fs::path> groups(const fs::path& root, const std::string& controller) {
  std::vector<fs::path> found;
  std::ifstream lines(root / "proc/self/cgroup");
  for (std::string line; std::getline(lines, line);) {  // "4:memory:/path" (version 1) or "0::/path" (version 2)
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const bool version2 = controllers.empty();
    if (!version2 && !lists(controllers, controller)) continue;
    const fs::path mount = root / "sys/fs/cgroup" / (version2 ? "" : controller);
    for (fs::path group = fs::path(line.substr(second + 1)).relative_path(); !group.empty();
         group = group.parent_path())
      found.push_back(mount / group);
    found.push_back(mount);
  }
  return found;
}

std::optional<double> quota(const fs::path& group) {
  double time, period;
  if (std::ifstream(group / "cpu.max") >> time >> period && period > 0) return time / period;
  const auto old_time = number(group / "cpu.cfs_quota_us"), old_period = number(group / "cpu.cfs_period_us");
  if (old_time && old_period && *old_time > 0 && *old_period > 0) return double(*old_time) / double(*old_period);
  return std::nullopt;
}

void limit(Memory& memory, const fs::path& group, const char* maximum, const char* used, const char* cached) {
  const auto most = number(group / maximum), now = number(group / used);
  if (!most || !now) return;
  memory.total_bytes = std::min(memory.total_bytes, *most);
  // Pages of files that were not used lately are given up as soon as memory is asked for.
  const std::int64_t held = *now - entry(group / "memory.stat", cached).value_or(0);
  memory.available_bytes = std::clamp<std::int64_t>(*most - held, 0, memory.available_bytes);
}

}  // namespace

std::optional<double> quota_cores(const fs::path& root) {
  std::optional<double> least;
  for (const fs::path& group : groups(root, "cpu")) {
    const std::optional<double> here = quota(group);
    if (here && (!least || *here < *least)) least = here;
  }
  return least;
}

int logical_cores() { return std::max(1u, std::thread::hardware_concurrency()); }

int affine_cores() {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
  return logical_cores();
}

Memory memory(const fs::path& root) {
  Memory memory{0, 0};
  const auto total = entry(root / "proc/meminfo", "MemTotal:"),
             available = entry(root / "proc/meminfo", "MemAvailable:");
#if defined(_SC_PHYS_PAGES)
  if (!total)
    memory.total_bytes = memory.available_bytes = std::int64_t(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
#endif
  if (total) memory = {*total * 1024, available.value_or(*total) * 1024};
  for (const fs::path& group : groups(root, "memory")) {
    limit(memory, group, "memory.max", "memory.current", "inactive_file");
    limit(memory, group, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file");
  }
  return memory;
}

}  // namespace striate
