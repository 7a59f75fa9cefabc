// What the library refers to by name even where the templates of its flash attention are left out. Flash attention is
// off then, so nothing calls these.
#include <cstdlib>

extern "C" {
[[noreturn]] void iqk_fa_work_buffer_size() { std::abort(); }
[[noreturn]] void iqk_flash_attn_noalibi() { std::abort(); }
}
