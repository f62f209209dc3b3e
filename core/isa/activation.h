// The functions that numbers are bent by, done to a block that was just written and is still in the nearest cache.
#pragma once

#include "../activation.h"

namespace striate::STRIATE_ISA {

void activate(const Activation& activation, const Block& block);

}  // namespace striate::STRIATE_ISA
