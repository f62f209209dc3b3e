// A whole network as one program: instructions in order, each of which finds its numbers in memory that the caller gave
// and writes others there. Nothing is allocated while it runs, and nothing of it changes: any number of threads may run
// one program at a time, each in memory of its own.
#pragma once

#include "affine.h"
#include "conv.h"
#include "pool.h"
#include "response_norm.h"

#include <cstdint>
#include <functional>
#include <vector>

namespace striate {

// Where numbers lie: in one of the memories of a run, so many floats from its beginning.
struct Location {
  int memory = -1;  // none
  std::int64_t floats = 0;
};

// What a run is given. Memories are the caller's: as a rule what lies between the layers, the inputs, the outputs.
struct Frame {
  float* const* memories;
  std::byte* scratch;
  int threads;

  float* at(const Location& place) const { return place.memory < 0 ? nullptr : memories[place.memory] + place.floats; }
};

struct Instruction {
  std::function<std::int64_t(int threads)> scratch_bytes;
  std::function<void(const Frame&)> run;
};

// A convolution with weights that are prepared; a linear layer is one. `prepared` and `bias` must outlive the program.
struct Convolve {
  const Algorithm* algorithm;
  Problem problem;
  Location x, residual, y;
  const float *prepared, *bias;
  Apart apart;
};

// Numbers of an affine map that are the run's, or where they are constants, anyone's.
struct Source {
  Location place;
  const float* constant;  // or null: the place counts
  std::int64_t image, pixel;
};
struct Map {
  std::int64_t n, pixels, c;
  Source x, factor, term;
  Location y;
  std::int64_t y_image, y_pixel;
};

// `then` is null where numbers are left as they are.
Instruction convolve(const Convolve& given, const Activation* then);
Instruction map(const Kernels& kernels, const Map& given, const Activation* then);
Instruction max_pool(const Kernels& kernels, const Pool& pool, Location x, Location y);
Instruction avg_pool(const Kernels& kernels, const Pool& pool, const Mean& mean, Location x, Location y);
Instruction response_norm(const Kernels& kernels, const ResponseNorm& norm, Location x, Location y);
Instruction transpose(std::int64_t matrices, std::int64_t rows, std::int64_t columns, Location x, Location y);
Instruction softmax(const Kernels& kernels, std::int64_t rows, std::int64_t columns, Location x, Location y);

class Program {
 public:
  void add(Instruction instruction);
  std::int64_t size() const { return std::int64_t(instructions_.size()); }

  // The most that any instruction keeps meanwhile.
  std::int64_t scratch_bytes(int threads) const;

  // Do all of it; `seconds`, if it is not null, is what each instruction took.
  void run(const Frame& frame, double* seconds) const;

 private:
  std::vector<Instruction> instructions_;
};

}  // namespace striate
