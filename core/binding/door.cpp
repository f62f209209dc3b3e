// The door of convolution: which prepared call some arguments lead to, found by one look.
//
// A small layer takes PyTorch ten microseconds. As long takes Python to ask all that has to be asked of the tensors and
// of the thread, the more so where other work has had the caches since. Here it takes one.
#include "binding.h"

#include <cstring>
#include <unordered_map>

namespace {

// All that decides, in whole numbers. Every part begins with what it is or how long, so no two are written alike.
struct Key {
  static constexpr int most = 64;
  std::array<std::int64_t, most> words;
  int count = 0;

  bool add(std::int64_t word) {
    if (count == most) return false;
    words[std::size_t(count++)] = word;
    return true;
  }
  bool operator==(const Key& other) const {
    return count == other.count && std::memcmp(words.data(), other.words.data(), sizeof(words[0]) * count) == 0;
  }
};

struct Hash {
  std::size_t operator()(const Key& key) const {
    std::uint64_t sum = 0;
    for (int i = 0; i < key.count; ++i) {
      sum = (sum ^ std::uint64_t(key.words[std::size_t(i)])) * 0x9e3779b97f4a7c15u;
      sum ^= sum >> 29;
    }
    return sum;
  }
};

// What was found before, for what was asked of the choice of algorithms, within which limits of memory.
struct Known {
  nb::object call, asked, most;
};

nb::str name(const char* of) { return nb::steal<nb::str>(PyUnicode_InternFromString(of)); }
nb::object attribute(nb::handle of, const nb::str& name) { return of.attr(name); }
bool holds(nb::handle of, const nb::str& name) { return attribute(of, name).is(Py_True); }

// A whole number of Python's own class: 1.0 and True are equal to it, but are no sizes.
bool add_number(Key& key, nb::handle number) {
  if (!PyLong_CheckExact(number.ptr())) return false;
  const long long value = PyLong_AsLongLong(number.ptr());
  if (value == -1 && PyErr_Occurred()) {
    PyErr_Clear();
    return false;
  }
  return key.add(value);
}

bool add_numbers(Key& key, nb::handle numbers) {
  const Py_ssize_t count = PySequence_Fast_GET_SIZE(numbers.ptr());
  bool added = key.add(count);
  for (Py_ssize_t i = 0; added && i < count; ++i) added = add_number(key, PySequence_Fast_GET_ITEM(numbers.ptr(), i));
  return added;
}

bool add_setting(Key& key, nb::handle setting) {
  if (PyLong_CheckExact(setting.ptr())) return key.add(-1) && add_number(key, setting);
  if (PyTuple_CheckExact(setting.ptr()) || PyList_CheckExact(setting.ptr())) return add_numbers(key, setting);
  if (!PyUnicode_CheckExact(setting.ptr())) return false;
  for (const auto& [name, word] : {std::pair{"same", -2}, std::pair{"valid", -3}})
    if (PyUnicode_CompareWithASCIIString(setting.ptr(), name) == 0) return key.add(word);
  return false;
}

class Door {
 public:
  nb::object find(const nb::tuple& tensors, const nb::tuple& settings, nb::handle asked, nb::handle most) {
    Key key;
    if (!write(key, tensors, settings, asked, most)) return nb::none();
    const auto found = known_.find(key);
    if (found == known_.end() || !same(found->second.asked, asked) || !same(found->second.most, most))
      return nb::none();
    return found->second.call;
  }

  void keep(const nb::object& call, const nb::tuple& tensors, const nb::tuple& settings, const nb::object& asked,
            const nb::object& most) {
    Key key;
    if (!write(key, tensors, settings, asked, most)) return;
    if (known_.size() >= 4096) clear();
    known_.insert_or_assign(key, Known{call, asked, most});
  }

  // What is let go may run Python, which may come back here.
  void clear() { std::unordered_map<Key, Known, Hash>().swap(known_); }

 private:
  static bool same(nb::handle one, nb::handle other) { return one.is(other) || one.equal(other); }

  bool write(Key& key, const nb::tuple& tensors, const nb::tuple& settings, nb::handle asked, nb::handle most) const {
    if (!unwatched()) return false;
    bool written = true;
    for (nb::handle tensor : tensors) written = written && (tensor.is_none() ? key.add(-1) : add_tensor(key, tensor));
    for (nb::handle setting : settings) {
      written = written && (PyBool_Check(setting.ptr()) ? key.add(setting.is(Py_True)) : add_setting(key, setting));
    }
    const bool records = recording_().is(Py_True);
    return written && key.add(PyObject_Hash(asked.ptr())) && key.add(PyObject_Hash(most.ptr())) &&
           key.add(records && holds(tensors[1], requires_grad_)) && add_number(key, threads_());
  }

  // As `striate.engine.plain` has it, and no autocast.
  bool unwatched() const {
    for (const nb::object& quiet : quiet_)
      if (PyObject_IsTrue(quiet().ptr()) != 0) return false;
    return autocast_(cpu_).is(Py_False) && nb::cast<int>(attribute(forward_mode_, level_)) < 0;
  }

  bool add_tensor(Key& key, nb::handle tensor) const {
    bool known = false;
    for (const nb::object& one : classes_) known = known || tensor.type().is(one);
    if (!known || !holds(tensor, is_cpu_) || !attribute(tensor, layout_).is(strided_)) return false;
    if (!attribute(tensor, is_neg_)().is(Py_False) || !batched_(tensor).is(Py_False)) return false;
    return key.add(std::int64_t(attribute(tensor, dtype_).ptr())) && add_numbers(key, attribute(tensor, shape_)) &&
           add_numbers(key, attribute(tensor, stride_)());
  }

  std::unordered_map<Key, Known, Hash> known_;
  nb::module_ torch_ = nb::module_::import_("torch"), c_ = nb::module_::import_("torch._C"),
              functorch_ = nb::module_::import_("torch._C._functorch"),
              forward_mode_ = nb::module_::import_("torch.autograd.forward_ad");
  nb::object strided_ = torch_.attr("strided"), autocast_ = torch_.attr("is_autocast_enabled"),
             recording_ = torch_.attr("is_grad_enabled"), threads_ = torch_.attr("get_num_threads"),
             batched_ = functorch_.attr("is_legacy_batchedtensor");
  std::array<nb::object, 3> classes_{torch_.attr("Tensor"), torch_.attr("nn").attr("Parameter"),
                                     torch_.attr("nn").attr("Buffer")};
  std::array<nb::object, 4> quiet_{c_.attr("_len_torch_dispatch_stack"), c_.attr("_len_torch_function_stack"),
                                   functorch_.attr("peek_interpreter_stack"), c_.attr("_is_tracing")};
  nb::str cpu_ = name("cpu"), level_ = name("_current_level"), is_cpu_ = name("is_cpu"), layout_ = name("layout"),
          is_neg_ = name("is_neg"), dtype_ = name("dtype"), shape_ = name("shape"), stride_ = name("stride"),
          requires_grad_ = name("requires_grad");
};

}  // namespace

void bind_door(nb::module_& m) {
  nb::class_<Door>(m, "Door")
      .def(nb::init<>())
      .def("find", &Door::find, "tensors"_a, "settings"_a, "asked"_a, "most"_a,
           "The call that was kept; None if none was, or if it must not be used.")
      .def("keep", &Door::keep, "call"_a, "tensors"_a, "settings"_a, "asked"_a, "most"_a)
      .def("clear", &Door::clear);
}
