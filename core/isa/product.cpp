#include "product.h"

namespace striate::STRIATE_ISA {

#if defined(__AVX512F__)
Product* const products[tile_rows + 1] = {nullptr,     product<1>,  product<2>, product<3>, product<4>,
                                          product<5>,  product<6>,  product<7>, product<8>, product<9>,
                                          product<10>, product<11>, product<12>};
#else
Product* const products[tile_rows + 1] = {nullptr,    product<1>, product<2>, product<3>,
                                          product<4>, product<5>, product<6>};
#endif

}  // namespace striate::STRIATE_ISA
