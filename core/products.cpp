#include "products.h"

#include "parallel.h"

#include <algorithm>

namespace striate {

void multiply(const Kernels& kernels, const Products& products, int threads) {
  const Product& p = products.first;
  constexpr double worth_a_thread = 1 << 17;  // multiply-adds: some ten microseconds, twice what a team takes to begin
  const double work = double(products.matrices) * double(p.rows) * double(p.depth) * double(p.columns);
  const double most = std::min(double(products.matrices), work / worth_a_thread);
  parallel(std::max(1, int(std::min(double(threads), most))), [&](int thread, int team) {
    const std::int64_t begin = products.matrices * thread / team, end = products.matrices * (thread + 1) / team;
    for (std::int64_t m = begin; m < end; ++m) {
      Product one = p;
      one.left += m * p.rows * p.depth;
      one.right += products.matrix_at[m];
      one.out += m * p.rows * p.columns;
      kernels.product(one);
    }
  });
}

}  // namespace striate
