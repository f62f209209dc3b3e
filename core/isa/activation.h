// The functions that numbers are bent by, done to a block that was just written and is still in the nearest cache.
#pragma once

#include "../activation.h"

namespace striate::STRIATE_ISA {

#if defined(STRIATE_DOUBLES)
// Nobody asks for it: what bends sums is a program (../program.h), and programs compute in floats.
struct Unbent {
  double* at;
  std::int64_t step, rows, columns;
};
inline void activate(const Activation&, const Unbent&) {}
#else
void activate(const Activation& activation, const Block& block);
#endif

}  // namespace striate::STRIATE_ISA
