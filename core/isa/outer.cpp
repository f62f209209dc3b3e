#include "outer.h"

namespace striate::STRIATE_ISA {

#if defined(__AVX512F__)
OuterTile* const outer_tile[tile_rows + 1] = {nullptr,  outer<1>, outer<2>, outer<3>,  outer<4>,  outer<5>, outer<6>,
                                              outer<7>, outer<8>, outer<9>, outer<10>, outer<11>, outer<12>};
#else
OuterTile* const outer_tile[tile_rows + 1] = {nullptr, outer<1>, outer<2>, outer<3>, outer<4>, outer<5>, outer<6>};
#endif

}  // namespace striate::STRIATE_ISA
