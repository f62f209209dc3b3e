// The module of the core.
#include "binding.h"

NB_MODULE(_engine, m) {
  // A plan that is still held when the interpreter ends is no fault.
  nb::set_leak_warnings(false);
  m.doc() = "The compiled core: use it through striate.engine.";
  bind_machine(m);
  bind_isa(m);
  bind_peak(m);
  bind_spectra(m);
  bind_overlap(m);
  bind_transpose(m);
  bind_pages(m);
  bind_denormals(m);
  bind_problem(m);
  bind_convolution(m);
  bind_door(m);
  bind_deep_convolution(m);
  bind_depthwise_separable(m);
  bind_weight_gradient(m);
  bind_pool(m);
  bind_avg_pool(m);
  bind_response_norm(m);
  bind_contrast_norm(m);
  bind_unshared(m);
  bind_program(m);
}
