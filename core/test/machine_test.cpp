// The core without Python: what it reads of a machine, and that every kernel does the work it is made for.
//
// `make core-test` builds this with the address and undefined-behaviour sanitizers and runs it.
#include "machine.h"
#include "check.h"
#include "isa.h"
#include "parallel.h"
#include "peak.h"

#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <stdexcept>
#include <vector>

namespace fs = std::filesystem;
using namespace striate;

namespace {

// A folder that stands for "/" of some machine; gone when the test is over.
class Root {
 public:
  explicit Root(const std::vector<std::pair<std::string, std::string>>& files) {
    char name[] = "/tmp/striate-core-test-XXXXXX";
    folder_ = mkdtemp(name);
    for (const auto& [file, text] : files) {
      fs::create_directories((folder_ / file).parent_path());
      std::ofstream(folder_ / file) << text << "\n";
    }
  }
  Root(const Root&) = delete;
  Root& operator=(const Root&) = delete;
  ~Root() { fs::remove_all(folder_); }
  operator const fs::path&() const { return folder_; }

 private:
  fs::path folder_;
};

// Every kernel of every instruction set that runs here counts its multiply-adds and sums its floats exactly.
void kernels_do_their_work() {
  for (const Isa& isa : isas()) {
    if (!isa.refuses().empty()) continue;
    const Kernels& k = *isa.kernels;
    CHECK(isa.name == k.isa);
    CHECK(k.lanes >= 1 && k.multiply_adds_per_round % k.lanes == 0);
    for (std::int64_t rounds : {0, 1, 1000}) {
      CHECK(k.multiply_add(rounds, 1.0f) == double(rounds * k.multiply_adds_per_round));
    }
    CHECK(k.multiply_add(1000, 2.0f) != double(1000 * k.multiply_adds_per_round));  // the count can be wrong
    for (std::size_t count : {0, 1, 7, 127, 128, 129, 1000}) {
      std::vector<float> values(count + 1);
      for (std::size_t i = 0; i <= count; ++i) values[i] = float(i);
      CHECK(k.sum(values.data(), count) == double(count) * (double(count) - 1) / 2);
      if (count) CHECK(k.sum(values.data() + 1, count) == double(count) * (double(count) + 1) / 2);  // not aligned
    }
  }
}

// The last row of the table needs nothing, names are unique, and the choice is one of those that run.
void a_choice_exists() {
  std::set<std::string_view> names;
  for (const Isa& isa : isas()) CHECK(names.insert(isa.name).second);
  CHECK(isas().back().refuses().empty());
  const Isa impossible{"impossible", {"no such thing"}, nullptr};
  CHECK(impossible.refuses() == "the processor has no no such thing");
  CHECK(choice().kernels ? names.contains(chosen().isa) : !choice().forced.empty());
}

void rates_are_positive() {
  if (!choice().kernels) return;
  for (int threads : {1, 2}) {
    const Rate work = measure_multiply_adds(chosen(), threads), reads = measure_reads(chosen(), threads, 1 << 20);
    CHECK(work.per_second > 0 && work.threads >= 1 && work.threads <= threads);
    CHECK(reads.per_second > 0 && reads.threads >= 1 && reads.threads <= threads);
  }
  CHECK(measure_reads(chosen(), 1, 1).per_second > 0);  // rounded up to a page
  CHECK(read_buffer_bytes() >= 1 << 20 && read_buffer_bytes() <= 512 << 20);
}

// A kernel that does less than it is timed for has no rate.
void a_kernel_that_does_not_work_is_refused() {
  Kernels lazy = *isas().back().kernels;
  lazy.multiply_add = [](std::int64_t, float) { return 0.0; };
  lazy.sum = [](const float*, std::size_t) { return 0.0; };
  int refused = 0;
  try {
    measure_multiply_adds(lazy, 1);
  } catch (const std::logic_error&) {
    ++refused;
  }
  try {
    measure_reads(lazy, 1, 1 << 20);
  } catch (const std::logic_error&) {
    ++refused;
  }
  CHECK(refused == 2);
}

void every_thread_of_a_team_works_once() {
  std::atomic<int> calls = 0;
  const int team = parallel(3, [&](int, int) { ++calls; });
  CHECK(calls == team && team >= 1 && team <= 3);
}

// An AMD EPYC Milan guest with two cores: 32 KiB, 512 KiB, and 32 MiB for both.
void caches_are_read() {
  const std::string cache = "sys/devices/system/cpu/cpu0/cache/index";
  std::vector<std::pair<std::string, std::string>> files;
  const char* rows[][5] = {{"1", "Data", "32K", "64", "0"},
                           {"1", "Instruction", "32K", "64", "0"},
                           {"2", "Unified", "512K", "64", "0"},
                           {"3", "Unified", "32768K", "64", "0-1"}};
  for (int i = 0; i < 4; ++i) {
    const char* names[] = {"level", "type", "size", "coherency_line_size", "shared_cpu_list"};
    for (int j = 0; j < 5; ++j) files.emplace_back(cache + std::to_string(i) + "/" + names[j], rows[i][j]);
  }
  const Root root(files);
  const std::vector<Cache> found = caches(root);
  CHECK(found.size() == 4);
  CHECK(found[1].kind == "instruction" && found[1].size_bytes == 32 << 10);
  CHECK(found[3].level == 3 && found[3].size_bytes == 32 << 20 && found[3].line_bytes == 64);
  CHECK(found[0].shared_by == 1 && found[3].shared_by == 2);
  CHECK(last_level_bytes(found, 2) == 32 << 20);
  CHECK(last_level_bytes(found, 8) == 128 << 20);  // four such groups of two cores
  CHECK(caches(Root({})).empty() && last_level_bytes({}, 2) == 0);
}

// The least quota on the way up is the one that holds, in both versions of control groups; "max" and -1 are none.
void quotas_are_read() {
  const std::pair<std::string, std::string> v2{"proc/self/cgroup", "0::/a/b"},
      v1{"proc/self/cgroup", "3:cpu,cpuacct:/a"};
  CHECK(!quota_cores(Root({})));
  CHECK(!quota_cores(Root({v2, {"sys/fs/cgroup/a/cpu.max", "max 100000"}})));
  CHECK(quota_cores(
            Root({v2, {"sys/fs/cgroup/a/b/cpu.max", "400000 100000"}, {"sys/fs/cgroup/a/cpu.max", "150000 100000"}})) ==
        1.5);
  CHECK(quota_cores(Root({v2, {"sys/fs/cgroup/cpu.max", "50000 100000"}})) == 0.5);  // a container sees only the top
  CHECK(quota_cores(Root({v1,
                          {"sys/fs/cgroup/cpu/cpu.cfs_quota_us", "200000"},
                          {"sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000"}})) == 2);
  CHECK(!quota_cores(
      Root({v1, {"sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1"}, {"sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000"}})));
}

// The control group's limit holds where it is less than the machine's memory; pages of idle files count as free.
void memory_is_read() {
  const std::pair<std::string, std::string> info{"proc/meminfo",
                                                 "MemTotal: 8192 kB\nMemFree: 1 kB\nMemAvailable: 4096 kB"};
  const std::pair<std::string, std::string> group{"proc/self/cgroup", "0::/"};
  const Memory all = memory(Root({info}));
  CHECK(all.total_bytes == 8192 << 10 && all.available_bytes == 4096 << 10);
  const Memory limited = memory(Root({info,
                                      group,
                                      {"sys/fs/cgroup/memory.max", "1000000"},
                                      {"sys/fs/cgroup/memory.current", "900000"},
                                      {"sys/fs/cgroup/memory.stat", "anon 1\ninactive_file 500000"}}));
  CHECK(limited.total_bytes == 1000000 && limited.available_bytes == 600000);
  const Memory unlimited =
      memory(Root({info, group, {"sys/fs/cgroup/memory.max", "max"}, {"sys/fs/cgroup/memory.current", "900000"}}));
  CHECK(unlimited.total_bytes == all.total_bytes && unlimited.available_bytes == all.available_bytes);
}

void this_machine_makes_sense() {
  const Machine m = machine();
  CHECK(m.logical_cores >= 1 && m.usable_cores >= 1 && m.usable_cores <= m.logical_cores);
  CHECK(m.memory_bytes >= 0);
  for (const Cache& cache : m.caches) CHECK(cache.level >= 1 && cache.size_bytes > 0);
#if defined(__x86_64__)
  CHECK(!m.processor.empty() && !m.instruction_sets.empty());
#endif
}

}  // namespace

int main() {
  kernels_do_their_work();
  a_choice_exists();
  rates_are_positive();
  a_kernel_that_does_not_work_is_refused();
  every_thread_of_a_team_works_once();
  caches_are_read();
  quotas_are_read();
  memory_is_read();
  this_machine_makes_sense();
  std::printf("core: %d checks passed, kernels of %s\n", checks, choice().kernels ? choice().kernels->isa : "none");
}
