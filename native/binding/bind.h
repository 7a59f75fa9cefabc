// Wraps plain C++ functions as Node-API functions: argument conversion only, deduced from the signature.
// Knows nothing of kernels or tensors. Pointers travel as JavaScript numbers (addresses below 2^53).
#pragma once
#include <node_api.h>

#include <cstdint>
#include <stdexcept>
#include <tuple>
#include <type_traits>
#include <utility>

namespace luciole::binding {

template <class T>
inline T fromJs(napi_env env, napi_value value) {
  if constexpr (std::is_pointer_v<T>) {
    double address = 0;  // null and undefined leave it 0: an absent optional operand
    napi_get_value_double(env, value, &address);
    return reinterpret_cast<T>(static_cast<uintptr_t>(address));
  } else if constexpr (std::is_floating_point_v<T>) {
    double number = 0;
    napi_get_value_double(env, value, &number);
    return static_cast<T>(number);
  } else if constexpr (std::is_same_v<T, bool>) {
    bool flag = false;
    napi_get_value_bool(env, value, &flag);
    return flag;
  } else {
    int64_t number = 0;
    napi_get_value_int64(env, value, &number);
    return static_cast<T>(number);
  }
}

template <class R>
inline napi_value toJs(napi_env env, R result) {
  napi_value value = nullptr;
  if constexpr (std::is_pointer_v<R>) {
    napi_create_double(env, static_cast<double>(reinterpret_cast<uintptr_t>(result)), &value);
  } else if constexpr (std::is_same_v<R, bool>) {
    napi_get_boolean(env, result, &value);
  } else {
    napi_create_double(env, static_cast<double>(result), &value);
  }
  return value;
}

template <auto Function, class R, class... Args, size_t... I>
napi_value callUnpacked(napi_env env, napi_value* argv, R (*)(Args...), std::index_sequence<I...>) {
  if constexpr (std::is_void_v<R>) {
    Function(fromJs<Args>(env, argv[I])...);
    return nullptr;
  } else {
    return toJs(env, Function(fromJs<Args>(env, argv[I])...));
  }
}

template <class R, class... Args>
constexpr size_t arity(R (*)(Args...)) {
  return sizeof...(Args);
}

/** The Node-API callback of `Function`. A C++ exception becomes a JavaScript Error. */
template <auto Function>
napi_value entry(napi_env env, napi_callback_info info) {
  constexpr size_t count = arity(Function);
  size_t argc = count;
  napi_value argv[count == 0 ? 1 : count];
  napi_get_cb_info(env, info, &argc, argv, nullptr, nullptr);
  if (argc < count) {
    napi_throw_type_error(env, nullptr, "too few arguments for a native kernel");
    return nullptr;
  }
  try {
    return callUnpacked<Function>(env, argv, Function, std::make_index_sequence<count>{});
  } catch (const std::exception& error) {
    napi_throw_error(env, nullptr, error.what());
    return nullptr;
  }
}

struct Export {
  const char* name;
  napi_callback callback;
};

inline void exportAll(napi_env env, napi_value exports, const Export* table, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    napi_value function = nullptr;
    napi_create_function(env, table[i].name, NAPI_AUTO_LENGTH, table[i].callback, nullptr, &function);
    napi_set_named_property(env, exports, table[i].name, function);
  }
}

}  // namespace luciole::binding

#define LUCIOLE_EXPORT(fn) {#fn, luciole::binding::entry<&luciole::fn>}
