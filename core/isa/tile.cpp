#include "tile.h"

namespace striate::STRIATE_ISA {

#if defined(__AVX512F__)
MultiplyTile* const multiply_tile[tile_rows + 1] = {nullptr, tile<1>, tile<2>, tile<3>,  tile<4>,  tile<5>, tile<6>,
                                                    tile<7>, tile<8>, tile<9>, tile<10>, tile<11>, tile<12>};
#else
MultiplyTile* const multiply_tile[tile_rows + 1] = {nullptr, tile<1>, tile<2>, tile<3>, tile<4>, tile<5>, tile<6>};
#endif

}  // namespace striate::STRIATE_ISA
