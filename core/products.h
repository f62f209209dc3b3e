// Many products of a matrix and a few gathered columns, on the threads that PyTorch uses.
#pragma once

#include "isa/kernels.h"

#include <cstdint>

namespace striate {

// `matrices` problems that differ in the matrix, the place in `out`, and where in `right` they begin: matrix `m` at
// `matrix_at[m]`. A result does not depend on the number of threads: each is made by one.
struct Products {
  Product first;  // its pointers are those of matrix 0, but for `right`, which is where all offsets count from
  const std::int64_t* matrix_at;
  std::int64_t matrices;
};

void multiply(const Kernels& kernels, const Products& products, int threads);

}  // namespace striate
