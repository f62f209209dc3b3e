// Denormal numbers flushed to zero around somebody else's work, on all threads that share it.
#pragma once

namespace striate {

// From one to the other, on the calling thread and on those of a team of its own of so many. Pairs may be nested.
void begin_flushing(int threads);
void end_flushing(int threads);

}  // namespace striate
