// Number by number: what is left out is left out of the loop as well.
#include "../affine.h"
#include "activation.h"
#include "exponential.h"

namespace striate::STRIATE_ISA {
namespace {

template <bool factor, bool term>
void rows(const Affine& a, const Patch& some) {
  const auto from = [&](const Operand& o, std::int64_t pixel) {
    return o.at + some.image * o.image + (some.pixel + pixel) * o.pixel + some.channel;
  };
  for (std::int64_t pixel = 0; pixel < some.pixels; ++pixel) {
    const float* x = from(a.x, pixel);
    const float* times = factor ? from(a.factor, pixel) : nullptr;
    const float* plus = term ? from(a.term, pixel) : nullptr;
    float* y = a.y + some.image * a.y_image + (some.pixel + pixel) * a.y_pixel + some.channel;
    const auto result = [&](std::int64_t i, const auto& read) {
      Vector value = read(x + i);
      if constexpr (factor) value *= read(times + i);
      if constexpr (term) value += read(plus + i);
      return value;
    };
    std::int64_t i = 0;
    for (; i + lanes <= some.channels; i += lanes) store(y + i, result(i, [](const float* at) { return load(at); }));
    const std::int64_t rest = some.channels - i;
    if (rest > 0) {
      store_first(y + i, result(i, [rest](const float* at) { return load_first(at, rest); }), rest);
    }
  }
}

}  // namespace

void affine(const Affine& a, const Patch& some);
void affine(const Affine& a, const Patch& some) {
  constexpr void (*by[2][2])(const Affine&, const Patch&) = {{rows<false, false>, rows<false, true>},
                                                             {rows<true, false>, rows<true, true>}};
  by[a.factor.at != nullptr][a.term.at != nullptr](a, some);
  if (a.then) {
    float* y = a.y + some.image * a.y_image + some.pixel * a.y_pixel + some.channel;
    activate(*a.then, {y, a.y_pixel, some.pixels, some.channels});
  }
}

void softmax(const float* x, float* y, std::int64_t columns);
void softmax(const float* x, float* y, std::int64_t columns) {
  // Of a row that is undefined anywhere, all of it is: its sum is.
  float greatest = x[0];
  for (std::int64_t i = 1; i < columns; ++i) greatest = x[i] > greatest ? x[i] : greatest;
  double sum = 0;
  for (std::int64_t i = 0; i < columns; i += lanes) {
    const std::int64_t count = least(lanes, columns - i);
    const Vector power = exponential(load_first(x + i, count) - greatest);
    store_first(y + i, power, count);
    for (std::int64_t j = 0; j < count; ++j) sum += double(power[j]);
  }
  const float share = float(1 / sum);
  for (std::int64_t i = 0; i < columns; i += lanes) {
    store_first(y + i, load_first(y + i, columns - i) * share, columns - i);
  }
}

}  // namespace striate::STRIATE_ISA
