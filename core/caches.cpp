// Caches, as Linux lists them below /sys/devices/system/cpu. Elsewhere: none.
#include "machine.h"

#include <algorithm>
#include <fstream>
#include <sstream>

namespace striate {
namespace {

std::string first_word(const std::filesystem::path& file) {
  std::string word;
  std::ifstream(file) >> word;
  return word;
}

// "48K", "2M", "64": bytes.
std::int64_t bytes(const std::string& text) {
  std::int64_t number = 0;
  char unit = 0;
  std::istringstream(text) >> number >> unit;
  return unit == 'K' ? number << 10 : unit == 'M' ? number << 20 : number;
}

// "0-3,8": five cores.
int cores(const std::string& list) {
  int count = 0;
  std::istringstream ranges(list);
  for (std::string range; std::getline(ranges, range, ',');) {
    int first = 0, last = 0;
    char dash = 0;
    std::istringstream numbers(range);
    if (!(numbers >> first)) continue;
    count += numbers >> dash >> last ? last - first + 1 : 1;
  }
  return count;
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return char(c | 0x20); });
  return text;
}

}  // namespace

std::vector<Cache> caches(const std::filesystem::path& root) {
  std::vector<Cache> found;
  for (int index = 0;; ++index) {
    const auto folder = root / "sys/devices/system/cpu/cpu0/cache" / ("index" + std::to_string(index));
    const std::int64_t size = bytes(first_word(folder / "size"));
    if (size <= 0) return found;
    found.push_back({int(bytes(first_word(folder / "level"))), lower(first_word(folder / "type")), size,
                     bytes(first_word(folder / "coherency_line_size")), cores(first_word(folder / "shared_cpu_list"))});
  }
}

std::int64_t last_level_bytes(const std::vector<Cache>& caches, int logical_cores) {
  if (caches.empty()) return 0;
  const Cache& last = *std::ranges::max_element(caches, {}, &Cache::level);
  const int instances = last.shared_by > 0 ? std::max(1, logical_cores / last.shared_by) : 1;
  return last.size_bytes * instances;
}

}  // namespace striate
