#include "outer.h"

namespace striate::STRIATE_ISA {

#define STRIATE_OUTER(vectors)                                                 \
  {nullptr,           outer<1, vectors>, outer<2, vectors>, outer<3, vectors>, \
   outer<4, vectors>, outer<5, vectors>, outer<6, vectors>}

OuterTile* const outer_tile[panel_vectors + 1][tile_rows + 1] = {
    {},
    STRIATE_OUTER(1),
    STRIATE_OUTER(2),
#if defined(__AVX512F__) || defined(__aarch64__)
    STRIATE_OUTER(3),
    STRIATE_OUTER(4),
#endif
};

}  // namespace striate::STRIATE_ISA
