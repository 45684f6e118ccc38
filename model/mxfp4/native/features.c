/* What the processor can do, asked of itself: compiler libraries that know are not everywhere. */
#include "kernels.h"

#if defined(__x86_64__)
#include <cpuid.h>

static int has(uint32_t bits, int bit) { return (bits >> bit) & 1; }

/* Registers that the system saves when it switches programs. */
static uint32_t saved(void) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static int best_level(void) {
    uint32_t a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d)) return 0;
    int has_needed = has(c, 12) && has(c, 29) /* FMA, F16C */, can_ask = has(c, 27) && has(c, 28);
    if (!can_ask || !has_needed || (saved() & 0x06) != 0x06) return 0;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !has(b, 5)) return 0;
    int has_avx512 = has(b, 16) && has(b, 30) && has(b, 31) && has(c, 11); /* F, BW, VL, VNNI */
    if (!has_avx512 || (saved() & 0xe6) != 0xe6) return 1;
    return __get_cpuid_count(7, 1, &a, &b, &c, &d) && has(a, 5) /* BF16 */ ? 3 : 2;
}

const Kernels *ossa_kernels(int level) {
    static const Kernels *const levels[] = {&plain_kernels, &avx2_kernels, &avx512_kernels, &avx512_bf16_kernels};
    return level >= 0 && level <= best_level() ? levels[level] : NULL;
}

#elif defined(__aarch64__)
const Kernels *ossa_kernels(int level) { return level == 0 ? &plain_kernels : level == 1 ? &neon_kernels : NULL; }
#else
const Kernels *ossa_kernels(int level) { return level == 0 ? &plain_kernels : NULL; }
#endif

const char *ossa_kernels_name(const Kernels *kernels) { return kernels->name; }
