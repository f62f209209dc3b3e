// Matrices turned over: how images come from one memory layout to the other.
#pragma once

#include <cstdint>

namespace striate {

// `to[column][row]` = `from[row][column]`, of so many matrices, one after the other.
//
// An image's planes are a matrix (channel x pixel), its pixels with their channels side by side are (pixel x channel).
template <class Number>
void transpose(const Number* from, Number* to, std::int64_t matrices, std::int64_t rows, std::int64_t columns,
               int threads);

}  // namespace striate
