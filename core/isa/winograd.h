// Winograd's minimal filtering in two dimensions: tiles of M x N outputs of kernels of R x S taps, from
// (M + R - 1) (N + S - 1) products a channel, where the direct sums take M N R S. Along an axis that a kernel has one
// tap of, tiles are one output wide.
//
// Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016, section 4.
//
// A task takes some tiles through all three steps, so that what is transformed stays in its cache: the input into V, a
// matrix (tile x channel) for each of the points; for each panel of kernels the products with its U, one for each
// point; and the outputs back from these, with bias, residual and rectification.
#pragma once

#include "../share.h"
#include "convolution.h"
#include "cost.h"
#include "panels.h"
#include "tile.h"
#include "transform.h"

namespace striate::STRIATE_ISA {

// Each has sizes M and R, and matrices `out`, `in` and `kernel`: see toom_cook.h.
template <class Down, class Across>
struct Winograd {
  static constexpr int rows = Down::M, columns = Across::M, R = Down::R, S = Across::R;
  static constexpr int tall = rows + R - 1, wide = columns + S - 1, points = tall * wide;

  static constexpr auto other_kernel = [] {
    struct {
      char text[22] = "the kernel is not 0x0";
    } made;
    made.text[18] = '0' + R;
    made.text[20] = '0' + S;
    return made;
  }();

  static const char* refuses(const Problem& p) {
    if (p.r != R || p.s != S) return other_kernel.text;
    if (p.stride_h != 1 || p.stride_w != 1) return "the stride is not 1";
    if (p.dilation_h != 1 || p.dilation_w != 1) return "the dilation is not 1";
    if (p.groups != 1) return "there are groups";
    return nullptr;
  }

  static std::int64_t tiles_down(const Problem& p) { return divided_up(p.p(), rows); }
  static std::int64_t tiles_across(const Problem& p) { return divided_up(p.q(), columns); }
  static std::int64_t tiles(const Problem& p) { return p.n * tiles_down(p) * tiles_across(p); }
  static std::int64_t channels(const Problem& p) { return rounded_up(p.c, lanes); }

  // The products' sums over the channels are made of two, of half the channels each: that keeps F(4x4) within twice the
  // error of the direct sums. An odd number of channels has one of zeros beside it.
  static std::int64_t depth(const Problem& p) { return rounded_up(p.c, 2); }
  static std::int64_t u_numbers(const Problem& p) { return points * depth(p) * panel; }  // from one panel to the next

  // Weights that are larger than any second cache come from far away, and are worth reading only once.
  static bool from_far(const Problem& p) {
    constexpr std::int64_t far = 4 << 20;
    return prepared(p) * std::int64_t(sizeof(Number)) > far;
  }

  // Tiles of a task: as many as leave their V in half of a second cache, and tasks of sizes as equal as can be.
  static std::int64_t block(const Problem& p) {
    const std::int64_t near_bytes = (is_widest && prepared(p) > (256 << 10) ? 512 : 256) << 10;
    const std::int64_t near = near_bytes / (points * channels(p) * std::int64_t(sizeof(Number)));
    const std::int64_t most_tiles = most(tile_rows, near / tile_rows * tile_rows);
    const std::int64_t all = most(1, tiles(p));  // there may be none
    return divided_up(all, divided_up(all, most_tiles));
  }

  static double cost(const Problem& p, int) {
    const double width = panels_width(p), numbers = double(tiles(p)) * points;
    const double sums = double(rounded_up(tiles(p), tile_rows)) * points * width;
    const double transforms = numbers * (double(channels(p)) * (is_widest ? 26 : 12) +
                                         double(rounded_up(p.k, lanes)) * (is_widest ? 32 : 13));
    // Where kernels have fewer than nine taps, moving the numbers is more of the work than this says.
    constexpr double measured = R * S < 9 ? 1.3 : 1;
    return measured * (sums * (double(p.c) * tile_product + (is_widest ? 25 : 10)) + transforms) +
           (is_widest ? 3 : 2) * weights_cost(points * double(p.c) * width) + call;
  }

  static std::int64_t prepared(const Problem& p) { return points * depth(p) * rounded_up(p.k, lanes); }

  // Numbers from one point's matrix to the next. Not a multiple of the cache's ways: they would fall on one another.
  static std::int64_t v_step(const Problem& p) { return block(p) * channels(p) + cache_line; }
  // Tiles whose products with a panel are computed before they are transformed back: a point's weights are read once
  // for all of them. Many, where the panel's weights for all points do not stay in a cache; few, where the products
  // should.
  static std::int64_t together(const Problem& p) {
    const std::int64_t product_bytes = (p.c >= 128 ? 4 : 1) * (is_widest ? 64 : 16) << 10;
    const std::int64_t fit = product_bytes / (points * panel * std::int64_t(sizeof(Number)));
    const std::int64_t most_tiles = most(tile_rows, fit / tile_rows * tile_rows);
    return divided_up(block(p), divided_up(block(p), most_tiles));
  }
  static std::int64_t m_step(const Problem& p) { return together(p) * panel; }

  static std::int64_t numbers_a_thread(const Problem& p) { return points * (v_step(p) + m_step(p)); }

  // The same for all three steps one after the other, each for many tiles.
  static constexpr std::int64_t most_staged = is_widest ? 256 : 192;
  static std::int64_t stage(const Problem& p) {
    return most(1, divided_up(tiles(p), most(1, divided_up(tiles(p), most_staged))));
  }
  static std::int64_t stage_v_step(const Problem& p) { return stage(p) * channels(p) + cache_line; }
  static std::int64_t stage_m_step(const Problem& p) { return stage(p) * rounded_up(p.k, lanes) + cache_line; }

  static std::int64_t workspace(const Problem& p, int threads) {
    const std::int64_t numbers =
        from_far(p) ? points * (stage_v_step(p) + stage_m_step(p)) : threads * numbers_a_thread(p);
    return numbers * std::int64_t(sizeof(Number));
  }

  // U = down · g · acrossᵀ of one input channel and a panel of output channels, in double, rounded once if at all.
  static void transform_kernels(const Number* w, const Weights& step, std::int64_t columns, Number* to,
                                std::int64_t point_step) {
    Number taps[R * S][panel] = {};
    for (int tap = 0; tap < R * S; ++tap) {
      const Number* from = w + tap / S * step.r + tap % S * step.s;
      for (std::int64_t k = 0; k < columns; ++k) taps[tap][k] = from[k * step.k];
    }
    for (int k = 0; k < columns; k += double_lanes) {
      DoubleVector half[tall][S];
      for (int s = 0; s < S; ++s) {
        DoubleVector in[R], out[tall];
        for (int r = 0; r < R; ++r) {
          in[r] = __builtin_convertvector(*reinterpret_cast<NarrowVector*>(taps[r * S + s] + k), DoubleVector);
        }
        transform<Down::kernel>(in, out);
        for (int i = 0; i < tall; ++i) half[i][s] = out[i];
      }
      for (int i = 0; i < tall; ++i) {
        DoubleVector out[wide];
        transform<Across::kernel>(half[i], out);
        for (int j = 0; j < wide; ++j) {
          *reinterpret_cast<NarrowVector*>(to + (i * wide + j) * point_step + k) =
              __builtin_convertvector(out[j], NarrowVector);
        }
      }
    }
  }

  // A panel's U: for each point its matrix (input channel x output channel). Some input channels at a time: the
  // matrices begin at multiples of large powers of two, where one line of each would push the others out of the cache.
  static void prepare(const Problem& p, const Weights& w, Number* prepared, int threads) {
    constexpr std::int64_t together = 8;
    share(threads, panels_per_group(p), [&](std::int64_t task, int) {
      const std::int64_t width = panel_width(p, task);
      Number* to = prepared + task * u_numbers(p);
      alignas(64) Number some[points * together * panel] = {};
      for (std::int64_t first = 0; first < p.c; first += together) {
        const std::int64_t count = least(together, depth(p) - first);
        if (first + count > p.c) {
          for (int point = 0; point < points; ++point) {
            for (std::int64_t k = 0; k < width; ++k) some[(point * together + count - 1) * width + k] = 0;
          }
        }
        for (std::int64_t c = 0; c < least(count, p.c - first); ++c) {
          transform_kernels(w.at + task * panel * w.k + (first + c) * w.c, w, panel_columns(p, task), some + c * width,
                            together * width);
        }
        for (int point = 0; point < points; ++point) {
          __builtin_memcpy(to + (point * depth(p) + first) * width, some + point * together * width,
                           std::size_t(count * width) * sizeof(Number));
        }
      }
    });
  }

  struct Place {
    std::int64_t n, row, column;  // of the tile's first output
  };
  static Place place(const Problem& p, std::int64_t index) {
    const std::int64_t across = tiles_across(p), plane = tiles_down(p) * across;
    return {index / plane, index % plane / across * rows, index % across * columns};
  }

  static void transform_input(const Problem& p, const Number* x, const Place& at, std::int64_t step, Number* v) {
    const std::int64_t top = at.row - p.top, left = at.column - p.left;
    const Number* image = x + at.n * p.h * p.w * p.c;
    const bool inside = top >= 0 && top + tall <= p.h && left >= 0 && left + wide <= p.w;
    for (std::int64_t c = 0; c < p.c; c += lanes) {
      Vector half[tall][wide];
#pragma GCC unroll 1
      for (int j = 0; j < wide; ++j) {
        Vector in[tall], out[tall];
        if (inside && c + lanes <= p.c) {
#pragma GCC unroll 16
          for (int i = 0; i < tall; ++i) in[i] = load(image + ((top + i) * p.w + left + j) * p.c + c);
        } else {
          for (int i = 0; i < tall; ++i) {
            const bool there = top + i >= 0 && top + i < p.h && left + j >= 0 && left + j < p.w;
            in[i] = there ? load_first(image + ((top + i) * p.w + left + j) * p.c + c, p.c - c) : Vector{};
          }
        }
        transform<Down::in>(in, out);
#pragma GCC unroll 16
        for (int i = 0; i < tall; ++i) half[i][j] = out[i];
      }
#pragma GCC unroll 1
      for (int i = 0; i < tall; ++i) {
        Vector out[wide];
        transform<Across::in>(half[i], out);
#pragma GCC unroll 16
        for (int j = 0; j < wide; ++j) store(v + (i * wide + j) * step + c, out[j]);
      }
    }
  }

  static void transform_output(const Problem& p, const Tensors& t, const Place& at, std::int64_t channel,
                               const Number* m, std::int64_t step) {
    for (int part = 0; part < panel_vectors && channel < p.k; ++part, channel += lanes, m += lanes) {
      const Vector bias = t.bias ? load_first(t.bias + channel, p.k - channel) : Vector{};
      Vector half[rows][wide];
#pragma GCC unroll 1
      for (int j = 0; j < wide; ++j) {
        Vector in[tall], out[rows];
#pragma GCC unroll 16
        for (int i = 0; i < tall; ++i) in[i] = load(m + (i * wide + j) * step);
        transform<Down::out>(in, out);
#pragma GCC unroll 16
        for (int i = 0; i < rows; ++i) half[i][j] = out[i];
      }
#pragma GCC unroll 1
      for (int i = 0; i < rows; ++i) {
        if (at.row + i >= p.p()) break;
        Vector out[columns];
        transform<Across::out>(half[i], out);
        const std::int64_t first = t.place(at.n, at.row + i, at.column) + channel;
#pragma GCC unroll 8
        for (int j = 0; j < columns; ++j) {
          if (at.column + j >= p.q()) break;
          Vector value = out[j] + bias;
          const std::int64_t place = first + j * t.apart.pixel;
          if (t.residual) value += load_first(t.residual + place, p.k - channel);
          store_first(t.y + place, p.relu ? rectified(value) : value, p.k - channel);
        }
        if (t.then) {
          activate(*t.then,
                   {t.y + first, t.apart.pixel, least(columns, p.q() - at.column), least(lanes, p.k - channel)});
        }
      }
    }
  }

  // The products of some tiles with a panel at one point, added to what is there if `add`: `v` and `m` are the first
  // tile's. `next` are the weights that are read after them.
  static void multiply_tiles(const Problem& p, std::int64_t at, std::int64_t count, const Number* v, std::int64_t ahead,
                             const Number* u, const Number* next, Number* m, std::int64_t m_row, bool add = false) {
    const std::int64_t groups = divided_up(count, tile_rows);
    for (std::int64_t i = 0; i < groups; ++i) {
      const std::int64_t begin = count * i / groups, rows = count * (i + 1) / groups - begin;
      const Number* row[2 * tile_rows];
      for (int r = 0; r < rows; ++r) {
        row[r] = v + (begin + r) * channels(p);
        row[tile_rows + r] = row[r] + depth(p) / 2;
        // What is read next: its beginning would be waited for.
        for (int line = 0; line < 4; ++line) __builtin_prefetch(row[r] + ahead + line * cache_line);
      }
      Number* const sums = m + begin * m_row;
      Store to{sums, m_row, nullptr, add ? sums : nullptr, false, panel_width(p, at), true};
      if (next) call_for(next, depth(p) * panel, i, groups, to);
      multiply(p, at, rows)(row, tile_rows, 2, depth(p) / 2, u, to);
    }
  }

  // A task takes its tiles through all three steps, so that what is transformed stays in its cache.
  static void run_fused(const Problem& p, const Tensors& t, const Number* prepared, Number* scratch, int threads) {
    const std::int64_t size = block(p), total = tiles(p), blocks = divided_up(total, size);
    const std::int64_t panels = panels_per_group(p), numbers = u_numbers(p), step = v_step(p), some = together(p);
    const std::int64_t cuts = least(panels, threads > 1 ? divided_up(2 * threads, most(1, blocks)) : 1);
    share(threads, blocks * cuts, [&](std::int64_t task, int thread) {
      const std::int64_t cut = task % cuts, first = task / cuts * size, count = least(size, total - first);
      Number* v = scratch + thread * numbers_a_thread(p);
      Number* m = v + points * step;
      for (std::int64_t i = 0; i < count; ++i) transform_input(p, t.x, place(p, first + i), step, v + i * channels(p));
      for (std::int64_t at = panels * cut / cuts; at < panels * (cut + 1) / cuts; ++at) {
        for (std::int64_t begin = 0; begin < count; begin += some) {
          const std::int64_t end = least(count, begin + some);
          const Number* u = prepared + at * numbers;
          for (int point = 0; point < points; ++point, u += depth(p) * panel_width(p, at)) {
            const bool last = point + 1 == points && at + 1 == panels;
            multiply_tiles(p, at, end - begin, v + point * step + begin * channels(p), step, u,
                           last ? nullptr : u + depth(p) * panel_width(p, at), m + point * m_step(p), panel);
          }
          for (std::int64_t i = begin; i < end; ++i)
            transform_output(p, t, place(p, first + i), at * panel, m + (i - begin) * panel, m_step(p));
        }
      }
    });
  }

  // One step after the other, each shared by the threads: the weights are read once for many tiles.
  static void run_in_stages(const Problem& p, const Tensors& t, const Number* prepared, Number* scratch, int threads) {
    const std::int64_t size = stage(p), total = tiles(p), panels = panels_per_group(p);
    const std::int64_t numbers = u_numbers(p), width = rounded_up(p.k, lanes);
    Number* v = scratch;
    Number* m = v + points * stage_v_step(p);
    for (std::int64_t first = 0; first < total; first += size) {
      const std::int64_t count = least(size, total - first);
      share(threads, count, [&](std::int64_t i, int) {
        transform_input(p, t.x, place(p, first + i), stage_v_step(p), v + i * channels(p));
      });
      share(threads, points * panels, [&](std::int64_t task, int) {
        const std::int64_t point = task / panels, at = task % panels, next = task + threads;
        const auto weights = [&](std::int64_t of) {
          return prepared + of % panels * numbers + of / panels * depth(p) * panel_width(p, of % panels);
        };
        multiply_tiles(p, at, count, v + point * stage_v_step(p), tile_rows * channels(p), weights(task),
                       next < points * panels ? weights(next) : nullptr, m + point * stage_m_step(p) + at * panel,
                       width);
      });
      share(threads, count, [&](std::int64_t i, int) {
        for (std::int64_t at = 0; at < panels; ++at)
          transform_output(p, t, place(p, first + i), at * panel, m + i * width + at * panel, stage_m_step(p));
      });
    }
  }

  static void run(const Problem& p, const Tensors& t, const Number* prepared, std::byte* scratch, int threads) {
    (from_far(p) ? run_in_stages : run_fused)(p, t, prepared, reinterpret_cast<Number*>(scratch), threads);
  }

  static constexpr Algorithm algorithm(const char* name, const DeepOf<Number>* deep = nullptr) {
    return {name, refuses, cost, prepared, workspace, prepare, run, deep};
  }
};

}  // namespace striate::STRIATE_ISA
