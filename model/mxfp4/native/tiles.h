/* Included by each set of kernels: makes of its `*_of`, which want to know the number of tokens, functions for any. */
static void mxfp4(const uint8_t *blocks, const uint8_t *scales, int groups, const Token *tokens, int n, float *out) {
    switch (n) {
        case 1: mxfp4_of(blocks, scales, groups, tokens, 1, out); break;
        case 2: mxfp4_of(blocks, scales, groups, tokens, 2, out); break;
        case 3: mxfp4_of(blocks, scales, groups, tokens, 3, out); break;
        default: mxfp4_of(blocks, scales, groups, tokens, TILE, out);
    }
}

static void int8(const void *weights, const uint16_t *scales, int columns, const float *const *x, int n, float *out) {
    switch (n) {
        case 1: int8_of(weights, scales, columns, x, 1, out); break;
        case 2: int8_of(weights, scales, columns, x, 2, out); break;
        case 3: int8_of(weights, scales, columns, x, 3, out); break;
        default: int8_of(weights, scales, columns, x, TILE, out);
    }
}

static void bf16(const void *weights, const uint16_t *scales, int columns, const float *const *x, int n, float *out) {
    (void)scales;
    switch (n) {
        case 1: bf16_of(weights, columns, x, 1, out); break;
        case 2: bf16_of(weights, columns, x, 2, out); break;
        case 3: bf16_of(weights, columns, x, 3, out); break;
        default: bf16_of(weights, columns, x, TILE, out);
    }
}
