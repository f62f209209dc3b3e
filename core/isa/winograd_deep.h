// Winograd's filtering of slices, for kernels of several planes: sums over the planes are taken of products, before
// they are transformed back. So each slice is transformed once, and not once for every plane, and so is each output.
#pragma once

#include "winograd.h"

namespace striate::STRIATE_ISA {

template <class Of>
struct DeepWinograd {
  static constexpr int points = Of::points;
  static constexpr std::int64_t cache = 512 << 10;

  // What is kept of each plane is read for every few tiles of every slice: from beyond the second cache that would take
  // longer than what is saved.
  static const char* refuses(const Problem& p, const Deep& d) {
    if (d.planes * Of::prepared(p) * std::int64_t(sizeof(Number)) > cache) {
      return "the weights of all planes are too large for a cache";
    }
    return tiles(p) < 2 * tile_rows ? "its slices are too small" : nullptr;
  }

  static std::int64_t tiles(const Problem& p) { return Of::tiles_down(p) * Of::tiles_across(p); }

  // Tiles of a task, at most: their V stays in the cache for as many slices as there are planes. All weights are read
  // for them and each slice, so there are to be many.
  static std::int64_t block(const Problem& p, const Deep& d) {
    const std::int64_t tile = d.planes * points * Of::channels(p) * std::int64_t(sizeof(Number));
    return least(tiles(p), most(tile_rows, cache / 4 * 3 / tile));
  }
  static std::int64_t v_step(const Problem& p, const Deep& d) { return block(p, d) * Of::channels(p) + cache_line; }
  static std::int64_t m_step(const Problem& p, const Deep& d) { return block(p, d) * panel; }
  static std::int64_t numbers_a_thread(const Problem& p, const Deep& d) {
    return points * (d.planes * v_step(p, d) + m_step(p, d));
  }

  static std::int64_t workspace(const Problem& p, const Deep& d, int threads) {
    return threads * numbers_a_thread(p, d) * std::int64_t(sizeof(Number));
  }

  static double cost(const Problem& p, const Deep& d) {
    const double numbers = double(d.volumes * tiles(p)) * points, width = panels_width(p);
    double products = 0;
    for (std::int64_t position = 0; position < d.positions; ++position) {
      const Deep::Met planes = d.met(position);
      products += double(planes.end - planes.first);
    }
    // Of small products more of the time is spent on reading what they are added to.
    constexpr double measured = 1.5;
    return measured * numbers *
               (products * width * (double(p.c) * tile_product + 10) +
                double(d.slices) * double(Of::channels(p)) * (is_widest ? 16 : 12) +
                double(d.positions) * double(rounded_up(p.k, lanes)) * (is_widest ? 20 : 13)) +
           call;
  }

  static void run(const Problem& p, const Deep& d, const Tensors& t, const Number* const* prepared, std::byte* scratch,
                  int threads) {
    const std::int64_t total = tiles(p), blocks = divided_up(total, block(p, d));
    share(threads, d.volumes * blocks, [&](std::int64_t task, int thread) {
      Number* const own = reinterpret_cast<Number*>(scratch) + thread * numbers_a_thread(p, d);
      const std::int64_t at = task % blocks, first = total * at / blocks;  // of equal size: few tiles take as long
      go_through(p, d, t, prepared, {task / blocks, first, total * (at + 1) / blocks - first, own});
    });
  }

  struct Task {
    std::int64_t volume, first, count;  // tiles
    Number* v;                          // of slices, each where that one was which no plane meets any more
  };
  static void go_through(const Problem& p, const Deep& d, const Tensors& t, const Number* const* prepared,
                         const Task& task) {
    const std::int64_t step = v_step(p, d), panels = panels_per_group(p);
    Number* const m = task.v + d.planes * points * step;
    const auto kept = [&](std::int64_t slice) { return task.v + slice % d.planes * points * step; };
    const auto each_tile = [&](std::int64_t slice, const auto& work) {
      for (std::int64_t i = 0; i < task.count; ++i) {
        typename Of::Place at = Of::place(p, task.first + i);
        at.n = slice;
        work(at, i);
      }
    };
    std::int64_t next = most(0, -d.front);
    for (std::int64_t position = 0; position < d.positions; ++position) {
      const Deep::Met planes = d.met(position);
      for (; next < planes.slice + planes.end; ++next) {
        each_tile(task.volume * d.slices + next, [&](const auto& at, std::int64_t i) {
          Of::transform_input(p, t.x, at, step, kept(next) + i * Of::channels(p));
        });
      }
      for (std::int64_t panel_at = 0; panel_at < panels; ++panel_at) {
        for (int point = 0; point < points; ++point) {
          const std::int64_t of_point = panel_at * Of::u_numbers(p) + point * Of::depth(p) * panel_width(p, panel_at);
          for (std::int64_t plane = planes.first; plane < planes.end; ++plane) {
            Of::multiply_tiles(p, panel_at, task.count, kept(planes.slice + plane) + point * step, step,
                               prepared[plane] + of_point, nullptr, m + point * m_step(p, d), panel,
                               plane > planes.first);
          }
        }
        each_tile(task.volume * d.positions + position, [&](const auto& at, std::int64_t i) {
          Of::transform_output(p, t, at, panel_at * panel, m + i * panel, m_step(p, d));
        });
      }
    }
  }

  static constexpr DeepOf<Number> deep = {refuses, cost, workspace, run};
};

}  // namespace striate::STRIATE_ISA
