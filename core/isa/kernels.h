// What is compiled once for each instruction set, in a namespace of its own.
//
// A file that includes this header is compiled with flags that the processor may not understand. So it includes no
// inline function of the standard library: the linker keeps one copy of those for the whole program, and it could be
// the one that only a newer processor runs.
#pragma once

#include <cstddef>
#include <cstdint>

namespace striate {

struct Affine;
template <class Number>
struct AlgorithmOf;
struct Channels;
struct Contrast;
struct ContrastNorm;
template <class Number>
struct WeightGradientOf;
struct Mean;
struct Patch;
struct Pool;
struct ResponseNorm;
struct Rows;
struct Stretch;
struct Unshared;
enum class Step;

// For every frequency, in every group, a product of matrices of complex numbers: real and imaginary part side by side
// in `left` and `out`, neighbouring frequencies too; steps are in floats. `right` is packed (pack_spectra).
// `out[row][column] = Σ left[depth][row] * right[depth][column]`, added to what is there if `add`.
struct SpectralProduct {
  const float* left;
  const float* right;
  float* out;
  std::int64_t groups, rows, columns, depth, frequencies;
  std::int64_t left_group, left_row, left_depth;
  std::int64_t out_group, out_row, out_column;
  bool add;
};

// What becomes a right side: spectra wherever they lie, `step` floats apart along the depth.
struct SpectralRight {
  const float* from;
  std::int64_t groups, columns, depth, frequencies;
  std::int64_t group, column, step;
  bool conjugate;
};

// One instruction set's kernels. Those that find the peaks count what they did, so that a time belongs to work proven
// done.
struct Kernels {
  const char* isa;  // as STRIATE_ISA spells it; written by the file that was compiled for it
  int lanes;        // floats in a vector

  // Do `rounds` (at most 2^23) times `multiply_adds_per_round` multiply-adds in registers, each of which adds one when
  // `one` is 1. Returns what was added: the number of multiply-adds.
  double (*multiply_add)(std::int64_t rounds, float one);
  std::int64_t multiply_adds_per_round;

  // Return the sum of `count` floats, read once from first to last. Exact for ones, up to 2^29 of them.
  double (*sum)(const float* values, std::size_t count);

  // Products of spectra, and what they take: bytes of scratch for each thread, floats of a packed right side.
  void (*spectral_product)(const SpectralProduct&, std::byte* scratch, int threads);
  std::int64_t (*spectral_workspace)(const SpectralProduct&);
  void (*pack_spectra)(const SpectralRight&, float* to, int threads);
  std::int64_t (*spectral_right)(std::int64_t groups, std::int64_t columns, std::int64_t depth,
                                 std::int64_t frequencies);

  // The ways to compute a convolution (../conv.h), best guess first, null after the last; and the gradient of its
  // kernels, likewise.
  const AlgorithmOf<float>* const* algorithms;
  const WeightGradientOf<float>* const* weight_gradients;

  // The same ways, for doubles.
  const AlgorithmOf<double>* const* algorithms_of_doubles;
  const WeightGradientOf<double>* const* weight_gradients_of_doubles;

  // Rows of a max pooling, and one plane (of it, some channels) of its way back: see ../pool.h.
  std::int64_t (*max_pool_scratch)(const Pool&);
  void (*max_pool)(const Pool&, const float* x, float* y, std::int64_t* switches, const Rows&, float* scratch);
  bool (*unpool)(const Pool&, const float* y, const std::int64_t* switches, float* x, std::int64_t plane,
                 const Rows& channels, bool last_wins);

  // Rows of an average pooling, and of the images of its gradient.
  std::int64_t (*avg_pool_scratch)(const Pool&);
  void (*avg_pool)(const Pool&, const Mean&, const float* x, float* y, const Rows&, float* scratch);
  void (*avg_pool_gradient)(const Pool&, const Mean&, const float* y, float* x, const Rows&, float* scratch);

  // Some positions of one image: the norm, or with a gradient its gradient.
  std::int64_t (*response_norm_scratch)(const ResponseNorm&, std::int64_t positions);
  void (*response_norm)(const ResponseNorm&, const float* x, const float* gradient, float* y, const Rows& positions,
                        float* scratch);

  // A patch of what is done number by number, and one row's softmax: see ../affine.h.
  void (*affine)(const Affine&, const Patch&);
  void (*softmax)(const float* x, float* y, std::int64_t columns);

  // Some rows of one step of one example.
  std::int64_t (*contrast_norm_scratch)(const ContrastNorm&);
  void (*contrast_norm)(const ContrastNorm&, const Contrast&, Step, const Rows&, float* scratch);

  // Some positions of a convolution whose kernels depend on them, in so many places together; some channels of the
  // gradient of its input, and of that of one kernel. See ../unshared.h. The scratch is in floats, for a thread.
  std::int64_t (*unshared_scratch)(const Unshared&);
  std::int64_t (*unshared_columns)(const Unshared&);
  void (*unshared)(const Unshared&, const float* x, const float* w, float* y, const Stretch&, float* scratch);
  void (*unshared_input_gradient)(const Unshared&, const float* y, const float* w, float* x, const Channels&,
                                  float* scratch);
  void (*unshared_weight_gradient)(const Unshared&, const float* x, const float* y, float* w, std::int64_t kernel,
                                   const Channels&, float* scratch);
};

}  // namespace striate
