// Memory in large pages.
#pragma once

#include <cstddef>

namespace striate {

// Ask for large pages (2 MiB) where whole ones fit into these bytes, before they are written for the first time.
//
// Every page of fresh memory is a fault of its own, and a processor finds a few thousand addresses without looking them
// up in memory: of 4 KiB pages those are a few MiB. Weights of a Winograd convolution, and large images, take more.
// Where the system grants no large pages, nothing happens.
void prefer_large_pages(std::byte* from, std::size_t bytes);

}  // namespace striate
