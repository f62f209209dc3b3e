#include "program.h"

#include "share.h"
#include "transpose.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

namespace striate {
namespace {

std::int64_t nothing(int) { return 0; }

std::optional<Activation> kept(const Activation* then) {
  return then ? std::optional<Activation>(*then) : std::nullopt;
}
const Activation* pointer(const std::optional<Activation>& then) { return then ? &*then : nullptr; }

Operand operand(const Frame& frame, const Source& source) {
  return {source.constant ? source.constant : frame.at(source.place), source.image, source.pixel};
}

float* floats(const Frame& frame) { return reinterpret_cast<float*>(frame.scratch); }

constexpr std::int64_t float_bytes = sizeof(float);

}  // namespace

Instruction convolve(const Convolve& given, const Activation* then) {
  return {[given](int threads) { return given.algorithm->workspace(given.problem, threads); },
          [given, then = kept(then)](const Frame& frame) {
            const Tensors tensors{frame.at(given.x), given.bias,  frame.at(given.residual),
                                  frame.at(given.y), given.apart, pointer(then)};
            given.algorithm->run(given.problem, tensors, given.prepared, frame.scratch, frame.threads);
          }};
}

Instruction map(const Kernels& kernels, const Map& given, const Activation* then) {
  return {nothing, [&kernels, given, then = kept(then)](const Frame& frame) {
            affine(kernels,
                   {given.n, given.pixels, given.c, operand(frame, given.x), operand(frame, given.factor),
                    operand(frame, given.term), frame.at(given.y), given.y_image, given.y_pixel, pointer(then)},
                   frame.threads);
          }};
}

Instruction max_pool(const Kernels& kernels, const Pool& pool, Location x, Location y) {
  return {[&kernels, pool](int threads) { return threads * kernels.max_pool_scratch(pool) * float_bytes; },
          [&kernels, pool, x, y](const Frame& frame) {
            max_pool(kernels, pool, frame.at(x), frame.at(y), nullptr, frame.threads, floats(frame));
          }};
}

Instruction avg_pool(const Kernels& kernels, const Pool& pool, const Mean& mean, Location x, Location y) {
  return {[&kernels, pool](int threads) { return threads * kernels.avg_pool_scratch(pool) * float_bytes; },
          [&kernels, pool, mean, x, y](const Frame& frame) {
            avg_pool(kernels, pool, mean, frame.at(x), frame.at(y), frame.threads, floats(frame));
          }};
}

Instruction response_norm(const Kernels& kernels, const ResponseNorm& norm, Location x, Location y) {
  return {[&kernels, norm](int threads) { return response_norm_scratch(kernels, norm, threads) * float_bytes; },
          [&kernels, norm, x, y](const Frame& frame) {
            response_norm(kernels, norm, frame.at(x), frame.at(y), frame.threads, floats(frame));
          }};
}

Instruction transpose(std::int64_t matrices, std::int64_t rows, std::int64_t columns, Location x, Location y) {
  return {nothing,
          [=](const Frame& frame) { transpose(frame.at(x), frame.at(y), matrices, rows, columns, frame.threads); }};
}

Instruction softmax(const Kernels& kernels, std::int64_t rows, std::int64_t columns, Location x, Location y) {
  return {nothing, [&kernels, rows, columns, x, y](const Frame& frame) {
            softmax(kernels, frame.at(x), frame.at(y), rows, columns, frame.threads);
          }};
}

void Program::add(Instruction instruction) { instructions_.push_back(std::move(instruction)); }

std::int64_t Program::scratch_bytes(int threads) const {
  std::int64_t most = 0;
  for (const Instruction& each : instructions_) most = std::max(most, each.scratch_bytes(threads));
  return most;
}

void Program::run(const Frame& frame, double* seconds) const {
  using Clock = std::chrono::steady_clock;
  // Each instruction flushes denormal numbers on the threads that do it. Here it must not be done: a thread that a
  // runtime begins meanwhile would take over this one's word, and keep it.
  for (const Instruction& each : instructions_) {
    const Clock::time_point begin = seconds ? Clock::now() : Clock::time_point();
    each.run(frame);
    if (seconds) *seconds++ = std::chrono::duration<double>(Clock::now() - begin).count();
  }
}

}  // namespace striate
