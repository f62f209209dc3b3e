#include "tile.h"

namespace striate::STRIATE_ISA {

#define STRIATE_TILES(vectors) \
  {nullptr, tile<1, vectors>, tile<2, vectors>, tile<3, vectors>, tile<4, vectors>, tile<5, vectors>, tile<6, vectors>}

MultiplyRow* const multiply_row = row_of_panels<streams>;

MultiplyTile* const multiply_tile[panel_vectors + 1][tile_rows + 1] = {
    {},
    STRIATE_TILES(1),
    STRIATE_TILES(2),
#if defined(__AVX512F__) || defined(__aarch64__)
    STRIATE_TILES(3),
    STRIATE_TILES(4),
#endif
};

}  // namespace striate::STRIATE_ISA
